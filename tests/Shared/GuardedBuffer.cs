using System.Runtime.InteropServices;

namespace MiniLM.Tests;

/// <summary>Floats that end at an inaccessible page (Linux): reading or writing past the end is a crash, not a wrong number.</summary>
/// <remarks>What lies before them is NaN, so that reading it shows, and must be so still in the end: writing it fails.</remarks>
internal sealed unsafe partial class GuardedBuffer : IDisposable
{
    private const int Page = 4096;
    private readonly nint _start;
    private readonly nuint _bytes;

    internal GuardedBuffer(int count)
    {
        int pages = count * sizeof(float) / Page + 1; // a float before them at least
        _bytes = (nuint)(pages + 1) * Page;
        _start = mmap(0, _bytes, 3, 0x22, -1, 0);
        Assert.NotEqual(-1, _start);
        Assert.Equal(0, mprotect(_start + pages * Page, Page, 0));
        Pointer = (float*)(_start + pages * Page) - count;
        Count = count;
        Before.Fill(float.NaN);
    }

    internal float* Pointer { get; }
    internal int Count { get; }
    internal Span<float> Span => new(Pointer, Count);

    private Span<float> Before => new((float*)_start, (int)(Pointer - (float*)_start));

    internal static GuardedBuffer Normal(Random random, int count, double mean = 0, double deviation = 1)
    {
        var buffer = new GuardedBuffer(count);
        foreach (ref float value in buffer.Span)
        {
            value = (float)(mean + deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        }
        return buffer;
    }

    internal static GuardedBuffer NaN(int count)
    {
        var buffer = new GuardedBuffer(count);
        buffer.Span.Fill(float.NaN);
        return buffer;
    }

    internal static GuardedBuffer Of(ReadOnlySpan<float> values)
    {
        var buffer = new GuardedBuffer(values.Length);
        values.CopyTo(buffer.Span);
        return buffer;
    }

    internal double[] ToDoubles() => Array.ConvertAll(Span.ToArray(), value => (double)value);

    public void Dispose()
    {
        bool isWhole = !Before.ContainsAnyExcept(float.NaN);
        _ = munmap(_start, _bytes);
        Assert.True(isWhole, "something was written before the start");
    }

    [LibraryImport("libc")]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc")]
    private static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc")]
    private static partial int munmap(nint address, nuint length);
}
