using System.Text.Json.Nodes;
using MiniLM.Batching;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Tests.Text;
using MiniLM.Text;
using MiniLM.Training;

namespace MiniLM.Tests.Training;

public sealed class TokenizedRowsTests : IDisposable
{
    private const int MaxLength = 9;

    private static readonly WordPieceTokenizer Tokenizer = TokenizerFixture.Load();

    private readonly string _folder = Directory.CreateTempSubdirectory("minilm-tokens-").FullName;

    private string Path => System.IO.Path.Combine(_folder, "tokens.partial");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Text(int row, int column) => string.Join(' ', Enumerable.Repeat(row % 2 == 0 ? "hello" : "the world", (row * 7 + column) % 6));

    private TokenizedRowsWriter Writer(int tokensInMemory = 1000, CancellationToken cancellation = default) =>
        new(Tokenizer, MaxLength, Path, tokensInMemory, cancellation);

    /// <summary>Row r has 1 + r % 3 sequences: texts, or pairs.</summary>
    private TokenizedRows Rows(int count, bool isPairs, int tokensInMemory)
    {
        using TokenizedRowsWriter writer = Writer(tokensInMemory);
        for (int row = 0; row < count; row++)
        {
            for (int column = 0; column <= row % 3; column++)
            {
                if (isPairs) { writer.AddPair(Text(row, column), Text(column, row)); } else { writer.Add(Text(row, column)); }
            }
            writer.EndRow();
        }
        return writer.Complete();
    }

    private static (int[] Ids, byte[] TypeIds) Encode(int row, int column, bool isPairs)
    {
        int[] ids = new int[MaxLength];
        byte[] typeIds = new byte[MaxLength];
        int length = isPairs
            ? Tokenizer.Encode(Text(row, column), Text(column, row), MaxLength, Truncation.LongestFirst, ids, typeIds, out _)
            : Tokenizer.Encode(Text(row, column), MaxLength, ids, out _);
        return (ids[..length], typeIds[..length]);
    }

    // In memory to the last token, in a file from the first, and with a file that begins in between.
    [Theory]
    [InlineData(false, 100_000)]
    [InlineData(true, 100_000)]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 50)]
    [InlineData(true, 50)]
    public void Rows_HaveTheTokenizersTokensWhereverTheyLie(bool isPairs, int tokensInMemory)
    {
        using TokenizedRows rows = Rows(40, isPairs, tokensInMemory);
        Assert.Equal(40, rows.Count);
        PackedBatch batch = new();
        long tokens = 0;
        for (int row = 39; row >= 0; row--) // in an order that is not that of writing
        {
            Assert.Equal(1 + row % 3, rows.Columns(row));
            int length = 0;
            for (int column = 0; column < rows.Columns(row); column++)
            {
                batch.Clear();
                batch.Add([1, 2], [], Architecture.Bert); // behind what is there
                rows.AddTo(batch, row, column, Architecture.Bert);
                (int[] ids, byte[] typeIds) = Encode(row, column, isPairs);
                Assert.Equal(ids, batch.TokenIds[2..batch.Rows]);
                Assert.Equal(typeIds, batch.TypeIds[2..batch.Rows]);
                Assert.Equal(ids.Length, rows.Length(row, column));
                length += ids.Length;
            }
            Assert.Equal(length, rows.Length(row));
            tokens += length;
        }
        Assert.Equal(tokens, rows.Tokens);
    }

    [Fact]
    public void Pairs_HaveBothTypes()
    {
        using TokenizedRowsWriter writer = Writer();
        writer.AddPair("hello", "hello hello");
        writer.EndRow();
        using TokenizedRows rows = writer.Complete();
        PackedBatch batch = new();
        rows.AddTo(batch, 0, 0, Architecture.Bert);
        Assert.Equal([0, 0, 0, 1, 1, 1], batch.TypeIds[..batch.Rows]);
    }

    [Fact]
    public void Prompts_StandBeforeTheirText_AndAreCutWithIt()
    {
        using TokenizedRowsWriter writer = Writer();
        writer.Add("world", "hello ");
        writer.Add("hello world");
        writer.Add("world world world world world world", "hello ");
        writer.Add("hello world world world world world world");
        writer.EndRow();
        using TokenizedRows rows = writer.Complete();
        PackedBatch batch = new();
        for (int column = 0; column < 4; column++) { rows.AddTo(batch, 0, column, Architecture.Bert); }
        int[][] ids = [.. Enumerable.Range(0, 4).Select(sequence => batch.TokenIds[batch.Offsets[sequence]..batch.Offsets[sequence + 1]])];
        Assert.Equal(ids[1], ids[0]);
        Assert.Equal(ids[3], ids[2]);
        Assert.True(ids[0].Length < MaxLength);
        Assert.Equal(MaxLength, ids[2].Length);
    }

    [Fact]
    public void Truncated_CountsSequencesThatWereCut()
    {
        using TokenizedRowsWriter writer = Writer();
        string seven = "hello hello hello hello hello hello hello";
        writer.Add(seven); // with its special tokens 9
        writer.Add(seven + " hello");
        writer.AddPair("hello hello hello", "hello hello hello");
        writer.AddPair("hello hello hello", "hello hello hello hello");
        writer.EndRow();
        using TokenizedRows rows = writer.Complete();
        Assert.Equal(2, rows.Truncated);
        Assert.All(Enumerable.Range(0, 4), column => Assert.Equal(MaxLength, rows.Length(0, column)));
    }

    [Fact]
    public void Types_OfMpnet_AreAsPackedBatchCountsPositions()
    {
        using TokenizedRows rows = Rows(3, isPairs: false, tokensInMemory: 1000);
        PackedBatch batch = new(), expected = new();
        rows.AddTo(batch, 2, 1, Architecture.Mpnet);
        expected.Add(Encode(2, 1, false).Ids, [], Architecture.Mpnet);
        Assert.Equal(expected.Positions[..expected.Rows], batch.Positions[..batch.Rows]);
    }

    [Fact]
    public void AColumnThatARowHasNot_IsRefused()
    {
        using TokenizedRows rows = Rows(3, isPairs: false, tokensInMemory: 1000);
        Assert.Throws<ArgumentOutOfRangeException>(() => rows.AddTo(new PackedBatch(), 0, 1, Architecture.Bert));
        Assert.Throws<ArgumentOutOfRangeException>(() => rows.Length(1, -1));
    }

    [Fact]
    public void TheGreatestId_AndItsType_StayApart()
    {
        WordPieceTokenizer tokenizer = TokenizerFixture.LoadChanged(json => json["added_tokens"]!.AsArray().Add(JsonNode.Parse($$"""
            {"id": {{TokenizerDefinition.MaxId}}, "content": "<far>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
             "special": true}
            """)));
        using TokenizedRowsWriter writer = new(tokenizer, MaxLength, Path);
        writer.AddPair("hello", "<far>");
        writer.EndRow();
        using TokenizedRows rows = writer.Complete();
        PackedBatch batch = new();
        rows.AddTo(batch, 0, 0, Architecture.Bert);
        Assert.Equal((TokenizerDefinition.MaxId, 1), (batch.TokenIds[3], batch.TypeIds[3]));
    }

    [Fact]
    public void NoRows_AreNoRows()
    {
        using TokenizedRowsWriter writer = Writer();
        using TokenizedRows rows = writer.Complete();
        Assert.Equal((0, 0), (rows.Count, rows.Tokens));
    }

    [Fact]
    public void NothingIsWritten_WhileTokensFitInMemory()
    {
        using TokenizedRowsWriter writer = Writer(tokensInMemory: 2 * MaxLength);
        File.WriteAllText(Path, "of an earlier run");
        writer.Add("hello hello hello hello hello hello hello");
        writer.Add("hello"); // has room for a text of full length
        Assert.Equal("of an earlier run", File.ReadAllText(Path));
        writer.Add("hello");
        if (!OperatingSystem.IsWindows()) { Assert.False(File.Exists(Path)); } // was taken, and lost its name
    }

    [Fact]
    public void TheFile_IsGoneWithTheRows()
    {
        using (TokenizedRows rows = Rows(40, isPairs: false, tokensInMemory: 0))
        {
            Assert.Equal(OperatingSystem.IsWindows(), File.Exists(Path)); // elsewhere it has no name even now, so that a kill leaves nothing
            using TokenizedRows other = Rows(5, isPairs: true, tokensInMemory: 0); // at the same path
            PackedBatch batch = new();
            rows.AddTo(batch, 39, 0, Architecture.Bert);
            Assert.Equal(Encode(39, 0, false).Ids, batch.TokenIds[..batch.Rows]);
        }
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void Cancellation_EndsIt_AndLeavesNoFile()
    {
        using CancellationTokenSource cancellation = new();
        using (TokenizedRowsWriter writer = Writer(tokensInMemory: 0, cancellation.Token))
        {
            writer.Add("hello");
            cancellation.Cancel();
            Assert.Throws<OperationCanceledException>(() => writer.Add("hello"));
        }
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void AFileThatCannotBeMade_IsSaidInOneLine()
    {
        using TokenizedRowsWriter writer = new(Tokenizer, MaxLength, System.IO.Path.Combine(_folder, "none", "tokens.partial"), tokensInMemory: 0);
        IOException error = Assert.Throws<IOException>(() => writer.Add("hello"));
        Assert.Contains("tokens.partial: cannot be written", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_AreNoLongerReadWhenDisposed()
    {
        TokenizedRows rows = Rows(40, isPairs: false, tokensInMemory: 0);
        rows.Dispose();
        Assert.Throws<ObjectDisposedException>(() => rows.AddTo(new PackedBatch(), 0, 0, Architecture.Bert));
    }

    // More than one write's worth of tokens before the file begins, and more than one buffer's behind it.
    [Fact]
    public void ManyTokens_AreWrittenInSeveralParts()
    {
        const int Rows = 60_000;
        using TokenizedRowsWriter writer = Writer(tokensInMemory: 150_000);
        for (int row = 0; row < Rows; row++)
        {
            writer.Add(row % 3 == 0 ? "hello world" : "world world world");
            writer.EndRow();
        }
        using TokenizedRows rows = writer.Complete();
        PackedBatch batch = new();
        int[][] expected = [.. new[] { "hello world", "world world world", "world world world" }.Select(text =>
        {
            int[] ids = new int[MaxLength];
            return ids[..Tokenizer.Encode(text, MaxLength, ids, out _)];
        })];
        for (int row = 0; row < Rows; row++)
        {
            batch.Clear();
            rows.AddTo(batch, row, 0, Architecture.Bert);
            Assert.True(expected[row % 3].AsSpan().SequenceEqual(batch.TokenIds.AsSpan(0, batch.Rows)), $"row {row}");
        }
    }

    [Fact]
    public void Memory_GoesByTheTokens_NotByTheLimit()
    {
        using TokenizedRowsWriter writer = Writer(tokensInMemory: 1 << 24);
        writer.Add("hello");
        writer.EndRow(); // what the tokenizer keeps for its thread is there now
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int row = 0; row < 50_000; row++)
        {
            writer.Add("hello");
            writer.EndRow();
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 150_000 * 4, 16 << 20); // 150,000 tokens
    }

    [Fact]
    public void TextNumbers_AreEqualForEqualTexts()
    {
        TextNumbers numbers = new();
        string longText = new('x', 1000);
        Assert.Equal([0, 1, 0, 2, 3, 2, 1], new[] { "a", "b", "a", longText, longText + "y", longText, "b" }.Select(numbers.Of));
    }
}
