using System.Runtime.InteropServices;

namespace MiniLM.Cpu.Tests;

/// <summary>Floats that end at an inaccessible page (Linux): reading or writing past the end is a crash, not a wrong number.</summary>
internal sealed unsafe partial class GuardedBuffer : IDisposable
{
    private const int Page = 4096;
    private readonly nint _start;
    private readonly nuint _bytes;

    internal GuardedBuffer(int count)
    {
        int pages = (count * sizeof(float) + Page - 1) / Page;
        _bytes = (nuint)(pages + 1) * Page;
        _start = mmap(0, _bytes, 3, 0x22, -1, 0);
        Assert.NotEqual(-1, _start);
        Assert.Equal(0, mprotect(_start + pages * Page, Page, 0));
        Pointer = (float*)(_start + pages * Page) - count;
        Count = count;
    }

    internal float* Pointer { get; }
    internal int Count { get; }
    internal Span<float> Span => new(Pointer, Count);

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

    internal double[] ToDoubles() => Array.ConvertAll(Span.ToArray(), value => (double)value);

    public void Dispose() => _ = munmap(_start, _bytes);

    [LibraryImport("libc")]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc")]
    private static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc")]
    private static partial int munmap(nint address, nuint length);
}
