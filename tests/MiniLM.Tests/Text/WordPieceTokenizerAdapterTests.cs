using System.Buffers;
using Microsoft.ML.Tokenizers;
using MiniLM.Extensions;

namespace MiniLM.Tests.Text;

public sealed class WordPieceTokenizerAdapterTests
{
    private static readonly Tokenizer Adapter = new WordPieceTokenizerAdapter(TokenizerFixture.Load());

    [Fact]
    public void EncodeToIds_LeavesSpecialTokensOut()
    {
        Assert.Equal([5, 6, 8, 9, 10], Adapter.EncodeToIds("the cat unaffordable"));
        Assert.Equal([5, 6], Adapter.EncodeToIds("the cat unaffordable", 2, out string? normalized, out int consumed));
        Assert.Null(normalized);
        Assert.Equal(7, consumed);
    }

    [Fact]
    public void EncodeToTokens_HasOffsetsOfTheText()
    {
        IReadOnlyList<EncodedToken> tokens = Adapter.EncodeToTokens("The CAFÉ, playing", out _);
        Assert.Equal(["the", "cafe", ",", "play", "##ing"], tokens.Select(token => token.Value));
        Assert.Equal([0..3, 4..8, 8..9, 10..14, 14..17], tokens.Select(token => token.Offset));
    }

    [Fact]
    public void CountTokens_CountsWhatEncodingGives()
    {
        Assert.Equal(5, Adapter.CountTokens("the cat unaffordable"));
        Assert.Equal(0, Adapter.CountTokens(""));
    }

    [Fact]
    public void GetIndexByTokenCount_CutsBetweenTokens()
    {
        const string Text = "the cat sat on the mat";
        Assert.Equal(7, Adapter.GetIndexByTokenCount(Text, 2, out _, out int count));
        Assert.Equal(2, count);
        Assert.Equal(Text.Length, Adapter.GetIndexByTokenCount(Text, 100, out _, out count));
        Assert.Equal(6, count);
        Assert.Equal(15, Adapter.GetIndexByTokenCountFromEnd(Text, 2, out _, out count));
        Assert.Equal(2, count);
        Assert.Equal(0, Adapter.GetIndexByTokenCountFromEnd(Text, 6, out _, out count));
    }

    [Fact]
    public void Decode_GivesTextBack()
    {
        int[] ids = [2, 5, 6, 8, 9, 10, 16, 3];
        Assert.Equal("the cat unaffordable!", Adapter.Decode(ids));
        Span<char> destination = stackalloc char[8];
        Assert.Equal(OperationStatus.DestinationTooSmall, Adapter.Decode(ids, destination, out int consumed, out int written));
        Assert.Equal("the cat", destination[..written].ToString());
        Assert.Equal(3, consumed);
        Span<char> large = stackalloc char[64];
        Assert.Equal(OperationStatus.Done, Adapter.Decode(ids, large, out consumed, out written));
        Assert.Equal(ids.Length, consumed);
    }
}
