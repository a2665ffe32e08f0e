using MiniLM.Batching;

namespace MiniLM.Tests.Batching;

public sealed class TokenWindowTests
{
    [Fact]
    public void Add_KeepsEveryInputsTokensWhileTheArraysGrow()
    {
        TokenWindow window = new();
        window.Add(Encode, 0, 100, maxLength: 50);
        window.Add(Encode, 100, 500, maxLength: 50);
        AssertHolds(window, 0, 500);
    }

    [Fact]
    public void Clear_StartsAfresh()
    {
        TokenWindow window = new();
        window.Add(Encode, 0, 300, maxLength: 50);
        window.Clear();
        Assert.Equal((0, 0, 0), (window.Count, window.Tokens, window.Truncated));
        Assert.True(window.Lengths.IsEmpty);
        window.Add(Encode, 7, 30, maxLength: 50);
        AssertHolds(window, 7, 30);
    }

    [Fact]
    public void Add_AllocatesNothingAfterWarmUp()
    {
        TokenWindow window = new();
        TokenWindow.Encode encode = Encode;
        window.Add(encode, 0, 300, maxLength: 50);
        window.Clear();
        long before = GC.GetAllocatedBytesForCurrentThread();
        window.Add(encode, 0, 300, maxLength: 50);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    // Input i has i % 51 tokens i, the odd ones of type 1; the longest are cut. Of an even one the type ids are left as they come.
    private static int Encode(int input, Span<int> ids, Span<byte> typeIds, out bool truncated)
    {
        int length = input % 51;
        truncated = length == 50;
        ids[..length].Fill(input);
        if (input % 2 == 1) { typeIds[..length].Fill(1); }
        return length;
    }

    private static void AssertHolds(TokenWindow window, int first, int end)
    {
        int[] inputs = [.. Enumerable.Range(first, end - first)];
        Assert.Equal(inputs.Length, window.Count);
        Assert.Equal(inputs.Sum(input => input % 51), window.Tokens);
        Assert.Equal(inputs.Count(input => input % 51 == 50), window.Truncated);
        for (int i = 0; i < inputs.Length; i++)
        {
            Assert.Equal(inputs[i] % 51, window.Lengths[i]);
            Assert.Equal(Enumerable.Repeat(inputs[i], inputs[i] % 51), window.Ids(i).ToArray());
            Assert.Equal(Enumerable.Repeat((byte)(inputs[i] % 2), inputs[i] % 51), window.TypeIds(i).ToArray());
        }
    }
}
