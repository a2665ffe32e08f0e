using System.Diagnostics;
using System.Runtime.CompilerServices;
using MiniLM.Compute;
using MiniLM.Cpu.Jit;
using MiniLM.Cpu.Threading;

namespace MiniLM.Cpu;

/// <summary>The most that the threads in use can do, measured now: what a share of the roof is a share of.</summary>
/// <remarks>
/// All threads work at once and each times short runs of its own; the roof of all threads together is the sum of every thread's best run. A run is far shorter
/// than the time between two preemptions, so that other programs must disturb all runs of a thread to lower it, and a thread that is disturbed lowers no
/// other's. It errs upwards only: where threads share a core, a thread's best may be a run that had the core to itself.
/// </remarks>
internal static unsafe class Roof
{
    private const int Runs = 400; // of .05 to .2 ms

    /// <summary>What to say beside a share of the roof; null where it is possible.</summary>
    internal static string? Doubt(double percent) =>
        percent > 100 ? "a share above 100 %: other programs slowed this machine more while its roof was measured than while the work was: run it again" : null;

    /// <summary>GFLOP/s of all threads of a device together, by the instruction that multiplies operands of a precision.</summary>
    internal static double GflopsPerSecond(CpuDevice device, Precision precision)
    {
        Dot dot = ProductKernels.For(device.Tier, precision).Group == 2 ? Dot.BFloat16 : Dot.Float32;
        nint kernel = device.Tier == CpuTier.Avx512 ? ExecutableMemory.Load(FmaAvx512.Assemble(OperatingSystem.IsWindows(), dot)) : 0;
        const long Rounds = 20_000;
        double flop = (double)Rounds * (kernel != 0 ? FmaAvx512.FlopsARound * dot.Group() : FlopsARound(device.Tier));
        return SumOfBests(device.Pool, flop, _ => Work(device.Tier, kernel, Rounds), Stopwatch.GetTimestamp) / 1e9;
    }

    /// <summary>Bytes a second, read and written, that all threads of a device copy inside their L2, where rows and activations lie.</summary>
    internal static double L2BytesPerSecond(CpuDevice device)
    {
        const int Half = 96 << 10, Rounds = 20; // two of them fit the smallest L2 of today's server cores, and no L1
        byte[][] buffers = [.. Enumerable.Range(0, device.Threads).Select(_ => new byte[2 * Half])];
        return SumOfBests(device.Pool, 2.0 * Half * Rounds, member =>
        {
            Span<byte> from = buffers[member].AsSpan(0, Half), to = buffers[member].AsSpan(Half);
            for (int round = 0; round < Rounds; round++) { from.CopyTo(to); }
        }, Stopwatch.GetTimestamp);
    }

    /// <summary>A second's work of all threads, each at its best run.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="work">Of one run of one thread.</param>
    /// <param name="run">Does it; is told which thread.</param>
    /// <param name="clock">Ticks of the stopwatch.</param>
    internal static double SumOfBests(WorkerPool pool, double work, Action<int> run, Func<long> clock)
    {
        long[] shortest = new long[pool.All.Size];
        pool.Run(member =>
        {
            long best = long.MaxValue;
            for (int i = 0; i < Runs; i++)
            {
                long start = clock();
                run(member);
                best = Math.Min(best, clock() - start);
            }
            shortest[member] = Math.Max(best, 1);
        });
        return shortest.Sum(ticks => work * Stopwatch.Frequency / ticks);
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

    private static int FlopsARound(CpuTier tier) => 12 * 2 * (tier switch
    {
        CpuTier.Avx2 => Lanes256.Count,
        CpuTier.Vector128 => Lanes128.Count,
        _ => Lanes1.Count,
    });

    // Compiled at its best at once: a roof must not be that of code which the runtime has not yet found worth it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
