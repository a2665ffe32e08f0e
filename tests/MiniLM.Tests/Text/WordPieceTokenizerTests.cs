using MiniLM.Text;

namespace MiniLM.Tests.Text;

public sealed class WordPieceTokenizerTests
{
    private static readonly WordPieceTokenizer Tokenizer = TokenizerFixture.Load();

    [Theory]
    [InlineData("", "[CLS] [SEP]")]
    [InlineData("The cat sat.", "[CLS] the cat sat . [SEP]")]
    [InlineData("unaffordable", "[CLS] un ##afford ##able [SEP]")]
    [InlineData("Unaffordables!", "[CLS] un ##afford ##able ##s ! [SEP]")]
    [InlineData("unknownish cat", "[CLS] [UNK] cat [SEP]")]
    [InlineData("CAFÉ Cafe\u0301 ca\u200Bfe", "[CLS] cafe cafe cafe [SEP]")]
    [InlineData("a中文b", "[CLS] a 中 文 [UNK] [SEP]")]
    [InlineData("[MASK]ab[mask]", "[CLS] [MASK] a ##b [ [UNK] ] [SEP]")]
    [InlineData("cat\u000bsat\u000ccat", "[CLS] [UNK] [SEP]")]
    [InlineData("\ud83dcat\udc00", "[CLS] cat [SEP]")]
    public void Encode_SplitsAsBertDoes(string text, string tokens)
    {
        TokenEncoding encoding = Tokenizer.Encode(text);
        Assert.Equal(tokens, string.Join(' ', encoding.Tokens));
        Assert.Equal(encoding.Ids, TokenizerGolden.FastIds(Tokenizer, text));
    }

    [Fact]
    public void Encode_OffsetsAreUtf16IndicesOfTheOriginal()
    {
        TokenEncoding encoding = Tokenizer.Encode("😀 Cafe\u0301, 中");
        Assert.Equal(["[CLS]", "[UNK]", "cafe", ",", "中", "[SEP]"], encoding.Tokens);
        Assert.Equal([(0, 0), (0, 2), (3, 7), (8, 9), (10, 11), (0, 0)], encoding.Offsets);
        Assert.Equal([1, 0, 0, 0, 0, 1], encoding.SpecialTokensMask);
        Assert.Equal([-1, 0, 0, 0, 0, -1], encoding.SequenceIds);
    }

    [Fact]
    public void Encode_EmptySecondTextIsStillAPair()
    {
        TokenEncoding encoding = Tokenizer.Encode("cat", "");
        Assert.Equal(["[CLS]", "cat", "[SEP]", "[SEP]"], encoding.Tokens);
        Assert.Equal([0, 0, 0, 1], encoding.TypeIds);
    }

    [Fact]
    public void Encode_CutsOnTheRightAndSaysSo()
    {
        int[] ids = new int[5];
        Assert.Equal(5, Tokenizer.Encode("the cat sat", 5, ids, out bool truncated));
        Assert.False(truncated);
        Assert.Equal(4, Tokenizer.Encode("the cat sat", 4, ids, out truncated));
        Assert.True(truncated);
        Assert.Equal([2, 5, 6, 3], ids[..4]);
        Assert.Equal(2, Tokenizer.Encode("the cat sat", 2, ids, out truncated));
        Assert.True(truncated);
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizer.Encode("the", 1, ids, out _));
        Assert.Throws<ArgumentException>(() => Tokenizer.Encode("the", 6, ids, out _));
    }

    [Fact]
    public unsafe void Encode_ReadsNoMoreOfALongTextThanItNeeds()
    {
        // Behind the first part lies an inaccessible page: reading on is a crash.
        using GuardedBuffer memory = new(16_384);
        Span<char> part = new(memory.Pointer, 2 * memory.Count);
        for (int i = 0; i < part.Length; i++) { part[i] = "the cat sat on the mat, "[i % 24]; }
        int[] ids = new int[128], expected = new int[128];
        int count = Tokenizer.Encode(part, 128, expected, out _);
        Assert.Equal(count, Tokenizer.Encode(new ReadOnlySpan<char>(memory.Pointer, 24_000_000), 128, ids, out bool truncated));
        Assert.True(truncated);
        Assert.Equal(expected, ids);
    }

    [Fact]
    public void Encode_PairThatMayNotBeCutIsRefused()
    {
        int[] ids = new int[4];
        Assert.Throws<TokenizerException>(() => Tokenizer.Encode("the cat", "sat", 4, Truncation.None, ids, new byte[4], out _));
        TokenizerException exception = Assert.Throws<TokenizerException>(() =>
            Tokenizer.Encode("the", "cat sat", 4, Truncation.OnlyFirst, ids, new byte[4], out _));
        Assert.Equal("Truncation error: Sequence to truncate too short to respect the provided max_length", exception.Message);
        exception = Assert.Throws<TokenizerException>(() =>
            Tokenizer.Encode("the cat sat", null, new EncodeOptions { MaxLength = 4, Truncation = Truncation.OnlySecond }));
        Assert.Equal("Truncation error: Second sequence not provided", exception.Message);
    }

    [Fact]
    public void FileOptions_AreUsedOnlyWhenAsked()
    {
        Assert.Equal(9, Tokenizer.Encode("the cat sat on the mat .").Ids.Length);
        IReadOnlyList<TokenEncoding> batch = Tokenizer.EncodeBatch([("the cat sat on the mat .", null), ("the", null)], Tokenizer.FileOptions);
        Assert.Equal([2, 5, 6, 7, 28, 3], batch[0].Ids);
        Assert.Equal([2, 5, 3, 0, 0, 0], batch[1].Ids);
        Assert.Equal([1, 1, 1, 0, 0, 0], batch[1].AttentionMask);
    }

    [Fact]
    public void Load_VocabularyTextGivesTheSameTokenizer()
    {
        string vocabulary = File.ReadAllText(Path.Combine(TokenizerFixture.Folder, "vocab.txt"));
        WordPieceTokenizer text = TokenizerFixture.LoadText(vocabulary, "vocab.txt", """{"model_max_length":512,"cls_token":{"content":"[CLS]"}}""");
        WordPieceTokenizer carriageReturns = TokenizerFixture.LoadText(vocabulary.Replace("\n", "\r\n", StringComparison.Ordinal), "vocab.txt");
        const string Sample = "The [MASK] café, unaffordables 中文!";
        Assert.Equal(Tokenizer.Encode(Sample).Ids, text.Encode(Sample).Ids);
        Assert.Equal(Tokenizer.Encode(Sample).Ids, carriageReturns.Encode(Sample).Ids);
        Assert.Equal(512, text.ModelMaxLength);
        Assert.Null(carriageReturns.ModelMaxLength);
        Assert.Equal(30, text.VocabularySize);
    }

    [Fact]
    public void Load_CasedVocabularyKeepsCaseAndAccents()
    {
        WordPieceTokenizer tokenizer = TokenizerFixture.LoadText("[PAD]\n[UNK]\n[CLS]\n[SEP]\nCafé\ncafe\n", "vocab.txt",
            """{"do_lower_case":false,"model_max_length":1e30}""");
        Assert.Equal([2, 4, 5, 1, 3], tokenizer.Encode("Café cafe CAFE").Ids);
        Assert.Null(tokenizer.ModelMaxLength);
    }

    [Fact]
    public void TokenToId_AndBack()
    {
        for (int id = 0; id < Tokenizer.VocabularySize; id++) { Assert.Equal(id, Tokenizer.TokenToId(Tokenizer.IdToToken(id))); }
        Assert.Null(Tokenizer.TokenToId("absent"));
        Assert.Null(Tokenizer.TokenToId(""));
        Assert.Throws<TokenizerException>(() => Tokenizer.IdToToken(30));
        Assert.Throws<TokenizerException>(() => Tokenizer.IdToToken(-1));
        Assert.Equal(0, Tokenizer.PadTokenId);
        Assert.Equal(2, Tokenizer.SpecialTokenCount(pair: false));
        Assert.Equal(3, Tokenizer.SpecialTokenCount(pair: true));
    }

    [Fact]
    public void Decode_JoinsPiecesAndCleansUp()
    {
        TokenEncoding encoding = Tokenizer.Encode("Unaffordable cat, hello world!");
        Assert.Equal("unaffordable cat, hello world!", Tokenizer.Decode(encoding.Ids));
        Assert.Equal("[CLS] unaffordable cat, hello world! [SEP]", Tokenizer.Decode(encoding.Ids, skipSpecialTokens: false));
    }

    [Fact]
    public void Encode_AllocatesNothing()
    {
        int[] ids = new int[64];
        byte[] typeIds = new byte[64];
        string[] texts = ["The cat sat, unaffordables!", "café 中文 한국어 [MASK] \u0301\ud800", new string('a', 3000), string.Concat(Enumerable.Repeat("中", 2500))];
        void EncodeAll()
        {
            foreach (string text in texts)
            {
                Tokenizer.Encode(text, 64, ids, out _);
                foreach (string second in texts) { Tokenizer.Encode(text, second, 64, Truncation.LongestFirst, ids, typeIds, out _); }
            }
        }
        EncodeAll();
        long before = GC.GetAllocatedBytesForCurrentThread();
        EncodeAll();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Encode_GivesTheSameFromManyThreads()
    {
        string[] texts = [.. Enumerable.Range(0, 200).Select(seed => RandomText.Next(new Random(seed), 300))];
        int[][] expected = [.. texts.Select(text => Tokenizer.Encode(text).Ids)];
        Parallel.For(0, 2000, index => Assert.Equal(expected[index % 200], TokenizerGolden.FastIds(Tokenizer, texts[index % 200])));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5_000)]
    public void Encode_GivesUpATextWhenItIsCancelled(int words)
    {
        string text = string.Concat(Enumerable.Repeat("cat ", words));
        EncodeOptions options = new();
        Assert.Throws<OperationCanceledException>(() => Tokenizer.Encode(text, null, options, new CancellationToken(canceled: true)));
        Assert.Throws<OperationCanceledException>(() => Tokenizer.Encode("", text, options, new CancellationToken(canceled: true)));
        Assert.Equal(Tokenizer.Encode(text).Ids, Tokenizer.Encode(text, null, options, CancellationToken.None).Ids);
    }
}
