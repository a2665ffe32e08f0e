using MiniLM.Compute;

namespace MiniLM.Tests.Compute;

public sealed unsafe class NativeBlockTests
{
    [Theory]
    [InlineData(0), InlineData(1), InlineData(1023), InlineData(1025), InlineData((1 << 19) - 1), InlineData(1 << 19), InlineData((1 << 20) + 7)]
    public void ABlock_IsZeroedAlignedAndWritableToItsEnd(int floats)
    {
        using NativeBlock block = new(floats);
        Span<float> values = new(block.Floats, Math.Max(floats, 1));
        Assert.False(values.ContainsAnyExcept(0f));
        values.Fill(1);
        Assert.Equal(0, (nint)block.Floats % 64);
        if (OperatingSystem.IsLinux() && floats >= 1 << 19) { Assert.Equal(0, (nint)block.Floats % (2 << 20)); } // a huge page, where the system grants them
    }

    [Fact]
    public void Dispose_TwiceIsOnce()
    {
        NativeBlock block = new(10);
        block.Dispose();
        Assert.True(block.Floats == null);
        block.Dispose();
    }
}
