using System.Text.Json.Nodes;
using MiniLM.Tests.Weights;
using MiniLM.Text;

namespace MiniLM.Tests.Text;

/// <summary>Which of a folder's files says what: class, case, added tokens, the side that is cut.</summary>
public sealed class TokenizerFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{"tokenizer_class":"BertTokenizer","do_lower_case":false}""", null, "[UNK] [UNK] 中 文")]
    [InlineData("""{"tokenizer_class":"DistilBertTokenizerFast","do_lower_case":false}""", null, "[UNK] [UNK] 中 文")]
    [InlineData("""{"tokenizer_class":"MPNetTokenizer","strip_accents":false}""", null, "the [UNK] 中 文")]
    [InlineData("""{"tokenizer_class":"BertTokenizer","tokenize_chinese_chars":false}""", null, "the cafe [UNK]")]
    [InlineData("""{"tokenizer_class":"PreTrainedTokenizerFast","do_lower_case":false}""", null, "the cafe 中 文")]
    [InlineData("""{"tokenizer_class":"XLMRobertaTokenizer","do_lower_case":false}""", null, "the cafe 中 文")]
    [InlineData("""{"do_lower_case":false}""", null, "the cafe 中 文")] // no class, and no model that says one
    [InlineData("""{"do_lower_case":false}""", """{"model_type":"mpnet"}""", "[UNK] [UNK] 中 文")]
    [InlineData("""{"do_lower_case":false}""", """{"model_type":"bert","tokenizer_class":"PreTrainedTokenizerFast"}""", "the cafe 中 文")]
    public void Load_OfABertClassTakesTheSettings(string config, string? model, string tokens)
    {
        File.Copy(Path.Combine(TokenizerFixture.Folder, "tokenizer.json"), _folder.File("tokenizer.json"));
        Write("tokenizer_config.json", config);
        if (model is not null) { Write("config.json", model); }
        Assert.Equal($"[CLS] {tokens} [SEP]", Tokens(WordPieceTokenizer.Load(_folder.Path), "The Café 中文"));
        Assert.Equal("[CLS] the cafe 中 文 [SEP]", Tokens(WordPieceTokenizer.Load(_folder.File("tokenizer.json")), "The Café 中文")); // by itself
    }

    // transformers builds WordPiece anew for these classes, with its usual settings: of tokenizer.json's model the vocabulary is taken.
    [Theory]
    [InlineData("BertTokenizer", "the cat ##s")]
    [InlineData("PreTrainedTokenizerFast", "[UNK] [UNK]")]
    public void Load_OfABertClassTakesNoSettingOfTheModelSection(string name, string tokens)
    {
        JsonNode json = JsonNode.Parse(File.ReadAllText(Path.Combine(TokenizerFixture.Folder, "tokenizer.json")))!;
        (json["model"]!["max_input_chars_per_word"], json["model"]!["continuing_subword_prefix"]) = (2, "@@");
        Write("tokenizer.json", json.ToJsonString());
        Write("tokenizer_config.json", $$"""{"tokenizer_class":"{{name}}"}""");
        Assert.Equal($"[CLS] {tokens} [SEP]", Tokens(WordPieceTokenizer.Load(_folder.Path), "the cats"));
    }

    [Fact]
    public void Load_LowersCaseFirstWhereTheModelAsksForIt()
    {
        File.Copy(Path.Combine(TokenizerFixture.Folder, "tokenizer.json"), _folder.File("tokenizer.json"));
        Write("tokenizer_config.json", """{"tokenizer_class":"BertTokenizer","do_lower_case":false}""");
        Assert.Equal("[CLS] the [UNK] [SEP]", Tokens(WordPieceTokenizer.Load(_folder.Path, lowersCase: true), "The Café")); // accents stay
        Write("tokenizer_config.json", """{"tokenizer_class":"BertTokenizer"}""");
        Assert.Equal("[CLS] the cafe [SEP]", Tokens(WordPieceTokenizer.Load(_folder.Path, lowersCase: true), "The Café"));
    }

    [Fact]
    public void Load_AddsTokensOfTheOlderFiles()
    {
        WriteVocabulary();
        Write("added_tokens.json", """{"new cat":31,"[X]":30,"sat":77}""");
        Write("special_tokens_map.json", """{"additional_special_tokens":["[Y]",{"content":"[Z]","lstrip":true},"[X]"],"unk_token":"[UNK]"}""");
        WordPieceTokenizer tokenizer = WordPieceTokenizer.Load(_folder.Path);
        // In the order of the file's ids, behind the vocabulary; what the vocabulary has keeps its own.
        Assert.Equal((30, 31, 7, 32, 33), (tokenizer.TokenToId("[X]"), tokenizer.TokenToId("new cat"), tokenizer.TokenToId("sat"), tokenizer.TokenToId("[Y]"),
            tokenizer.TokenToId("[Z]")));
        Assert.Equal(34, tokenizer.VocabularySize);
        Assert.Equal([2, 20, 31, 30, 5, 3], tokenizer.Encode("a NEW CAT[x] the").Ids); // those of added_tokens.json are matched in the normalized text
        Assert.Equal([2, 32, 26, 1, 27, 3], tokenizer.Encode("[Y][y]").Ids); // special ones as they are written
        Assert.Equal((0, 5), tokenizer.Encode("  [Z]").Offsets[1]);
        Assert.Equal([2, 20, 7, 20, 3], tokenizer.Encode("asata").Ids); // an added token is found inside a word
    }

    [Fact]
    public void Load_AddsSpecialTokensThatHaveNames()
    {
        WriteVocabulary();
        Write("tokenizer_config.json", """{"extra_special_tokens":{"image_token":"[Y]","other_token":{"content":"[Z]","lstrip":true}}}""");
        WordPieceTokenizer tokenizer = WordPieceTokenizer.Load(_folder.Path);
        Assert.Equal((30, 31), (tokenizer.TokenToId("[Y]"), tokenizer.TokenToId("[Z]")));
        Assert.Equal((0, 5), tokenizer.Encode("  [Z]").Offsets[1]);
    }

    [Fact]
    public void Load_AddsTokensOfTheConfigurationAndThenOfNoOther()
    {
        WriteVocabulary();
        Write("added_tokens.json", """{"ignored":30}""");
        Write("special_tokens_map.json", """{"additional_special_tokens":["[Y]"]}""");
        Write("tokenizer_config.json", """
            {"added_tokens_decoder":{"101":{"content":"<b>","single_word":true,"special":false},"31":{"content":"<A>","special":true},
             "6":{"content":"cat","special":true}},
             "extra_special_tokens":["<e>"]}
            """);
        WordPieceTokenizer tokenizer = WordPieceTokenizer.Load(_folder.Path);
        Assert.Equal((30, 31, 6, 32), (tokenizer.TokenToId("<A>"), tokenizer.TokenToId("<b>"), tokenizer.TokenToId("cat"), tokenizer.TokenToId("<e>")));
        Assert.Null(tokenizer.TokenToId("ignored") ?? tokenizer.TokenToId("[Y]"));
        Assert.Equal([2, 30, 31, 3], tokenizer.Encode("<A> <B>").Ids);
        Assert.Equal([2, 1, 20, 1, 3], tokenizer.Encode("<a>").Ids); // a special one is found as it is written only
    }

    [Theory]
    [InlineData("added_tokens.json", """{"x":-1}""", "added_tokens.json: x is -1")]
    [InlineData("added_tokens.json", "[]", "added_tokens.json: ")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder":{"x":{"content":"y"}}}""", "the key 'x'")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder":{"1":{}}}""", "content is missing")]
    [InlineData("tokenizer_config.json", """{"truncation_side":"up"}""", "truncation_side is 'up'")]
    [InlineData("added_tokens.json", """{"\ud800":30}""", "added_tokens.json: not valid JSON: the text at byte 1 has half a surrogate pair")]
    [InlineData("special_tokens_map.json", "{", "special_tokens_map.json: not valid JSON")]
    [InlineData("vocab.txt", "version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer")]
    public void Load_RefusesByFile(string name, string content, string message)
    {
        WriteVocabulary();
        Write(name, content);
        Assert.Contains(message, Assert.Throws<TokenizerException>(() => WordPieceTokenizer.Load(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_CutsTheBeginningWhereTheConfigurationSaysLeft()
    {
        WriteVocabulary();
        Write("tokenizer_config.json", """{"truncation_side":"left"}""");
        WordPieceTokenizer tokenizer = WordPieceTokenizer.Load(_folder.Path);
        Assert.Equal(SequenceSide.Left, tokenizer.TruncationSide);
        int[] ids = new int[5];
        Assert.Equal(5, tokenizer.Encode("the cat sat on mat", 5, ids, out bool truncated));
        Assert.True(truncated);
        Assert.Equal([2, 7, 28, 29, 3], ids); // sat on mat
        Assert.Equal(4, tokenizer.Encode("the cat", 5, ids, out truncated));
        Assert.False(truncated);
        Assert.Equal([2, 5, 6, 3], ids[..4]);
        Assert.Equal(2, tokenizer.Encode("the cat", 2, ids, out truncated));
        Assert.True(truncated);
    }

    [Theory]
    [InlineData(SequenceSide.Left), InlineData(SequenceSide.Right)]
    public void Encode_OfPairsCutsAsInFullDetail(SequenceSide side)
    {
        WriteVocabulary();
        Write("tokenizer_config.json", $$"""{"truncation_side":"{{side.ToString().ToLowerInvariant()}}"}""");
        WordPieceTokenizer tokenizer = WordPieceTokenizer.Load(_folder.Path);
        string[] words = ["the", "cat", "sat", "on", "mat", "play", "hello", "world"];
        for (int first = 0; first <= 7; first++)
        {
            for (int second = 0; second <= 7; second++)
            {
                for (int length = 3; length <= 18; length++)
                {
                    foreach (Truncation strategy in new[] { Truncation.LongestFirst, Truncation.OnlyFirst, Truncation.OnlySecond })
                    {
                        string a = string.Join(' ', words[..first]), b = string.Join(' ', words[(8 - second)..]);
                        EncodeOptions options = new() { MaxLength = length, Truncation = strategy, TruncationSide = side };
                        int[] ids = new int[length];
                        byte[] types = new byte[length];
                        bool fits = first + second <= length - 3;
                        if (!fits && strategy != Truncation.LongestFirst && length > 3
                            && (strategy == Truncation.OnlyFirst ? first : second) <= first + second - (length - 3))
                        {
                            Assert.Throws<TokenizerException>(() => tokenizer.Encode(a, b, length, strategy, ids, types, out _));
                            continue;
                        }
                        int count = tokenizer.Encode(a, b, length, strategy, ids, types, out bool truncated);
                        Assert.Equal(tokenizer.Encode(a, b, options).Ids, ids[..count]);
                        Assert.Equal(!fits, truncated);
                        AssertJoined(tokenizer, a, b, length, strategy, ids[..count]);
                    }
                }
            }
        }
    }

    // Tokenized apart, the texts are the same pair.
    private static void AssertJoined(WordPieceTokenizer tokenizer, string first, string second, int length, Truncation strategy, int[] expected)
    {
        int[] firstIds = new int[length - 3], secondIds = new int[length - 3], ids = new int[length];
        int firstCount = tokenizer.EncodePart(first, firstIds, out int firstKept), secondCount = tokenizer.EncodePart(second, secondIds, out int secondKept);
        Assert.Equal((tokenizer.CountTokens(first), tokenizer.CountTokens(second)), (firstCount, secondCount));
        int joined = tokenizer.Join(firstIds.AsSpan(0, firstKept), firstCount, secondIds.AsSpan(0, secondKept), secondCount, length, strategy, ids,
            new byte[length], out _);
        Assert.Equal(expected, ids[..joined]);
    }

    private void WriteVocabulary() => File.Copy(Path.Combine(TokenizerFixture.Folder, "vocab.txt"), _folder.File("vocab.txt"));

    private void Write(string name, string content) => File.WriteAllText(_folder.File(name), content);

    private static string Tokens(WordPieceTokenizer tokenizer, string text) => string.Join(' ', tokenizer.Encode(text).Tokens);
}
