using System.Diagnostics;
using MiniLM.Cpu.Jit;

namespace MiniLM.Cpu;

/// <summary>What the threads in use can do at most, measured now: what a share of the roof is a share of.</summary>
internal static unsafe class Roof
{
    /// <summary>GFLOP/s of all threads of a device together, the best of several short runs.</summary>
    internal static double GflopsPerSecond(CpuDevice device)
    {
        nint kernel = device.Tier == CpuTier.Avx512 ? ExecutableMemory.Load(FmaAvx512.Assemble(OperatingSystem.IsWindows())) : 0;
        const long Rounds = 1_000_000;
        double best = 0;
        for (int attempt = 0; attempt < 8; attempt++)
        {
            long start = Stopwatch.GetTimestamp();
            device.Pool.Run(_ => Work(device.Tier, kernel, Rounds));
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            double flops = (double)Rounds * (kernel != 0 ? FmaAvx512.FlopsARound : FlopsARound(device.Tier)) * device.Threads;
            best = Math.Max(best, flops / seconds / 1e9);
        }
        return best;
    }

    /// <summary>Bytes a second, read and written, that all threads of a device copy inside their L2, where rows and activations lie.</summary>
    internal static double L2BytesPerSecond(CpuDevice device)
    {
        const int Half = 96 << 10, Rounds = 1000; // two of them fit the smallest L2 of today's server cores, and no L1
        byte[][] buffers = [.. Enumerable.Range(0, device.Threads).Select(_ => new byte[2 * Half])];
        double best = 0;
        for (int attempt = 0; attempt < 8; attempt++)
        {
            long start = Stopwatch.GetTimestamp();
            device.Pool.Run(member =>
            {
                Span<byte> from = buffers[member].AsSpan(0, Half), to = buffers[member].AsSpan(Half);
                for (int round = 0; round < Rounds; round++) { from.CopyTo(to); }
            });
            best = Math.Max(best, 2.0 * Half * Rounds * device.Threads / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }

    private static void Work(CpuTier tier, nint kernel, long rounds)
    {
        if (kernel != 0) { ((delegate* unmanaged<long*, void>)kernel)(&rounds); return; }
        switch (tier)
        {
            case CpuTier.Avx2: Sums<Lanes256>(rounds); break;
            case CpuTier.Vector128: Sums<Lanes128>(rounds); break;
            default: Sums<Lanes1>(rounds); break;
        }
    }

    private static int FlopsARound(CpuTier tier) => 12 * 2 * (tier switch { CpuTier.Avx2 => Lanes256.Count, CpuTier.Vector128 => Lanes128.Count, _ => Lanes1.Count });

    private static void Sums<TLanes>(long rounds) where TLanes : struct, ILanes<TLanes>
    {
        TLanes a = TLanes.Create(0.5f), b = TLanes.Create(0.25f);
        TLanes s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a, s10 = a, s11 = a;
        for (long round = 0; round < rounds; round++)
        {
            s0 = TLanes.MultiplyAdd(s0, a, b);
            s1 = TLanes.MultiplyAdd(s1, a, b);
            s2 = TLanes.MultiplyAdd(s2, a, b);
            s3 = TLanes.MultiplyAdd(s3, a, b);
            s4 = TLanes.MultiplyAdd(s4, a, b);
            s5 = TLanes.MultiplyAdd(s5, a, b);
            s6 = TLanes.MultiplyAdd(s6, a, b);
            s7 = TLanes.MultiplyAdd(s7, a, b);
            s8 = TLanes.MultiplyAdd(s8, a, b);
            s9 = TLanes.MultiplyAdd(s9, a, b);
            s10 = TLanes.MultiplyAdd(s10, a, b);
            s11 = TLanes.MultiplyAdd(s11, a, b);
        }
        float* kept = stackalloc float[TLanes.Count]; // so that no sum is dead
        (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11).Store(kept);
        GC.KeepAlive(kept[0] > 1e30f ? "overflow" : null);
    }
}
