using System.Diagnostics;
using MiniLM.Compute;
using MiniLM.Cpu;

namespace Operations;

/// <summary>The most that one thread of this machine does, measured before the benchmarks.</summary>
/// <param name="Flops">FLOP/s by precision.</param>
/// <param name="BytesPerSecond">Read and written, by where they lie.</param>
internal sealed record Roofs(IReadOnlyDictionary<Precision, double> Flops, IReadOnlyDictionary<Memory, double> BytesPerSecond)
{
    internal static Roofs Measure()
    {
        using CpuDevice device = new(1);
        Precision[] precisions = [Precision.Float32, Precision.BFloat16, Precision.Float16];
        return new Roofs(precisions.ToDictionary(precision => precision, precision => Roof.GflopsPerSecond(device, precision) * 1e9),
            new Dictionary<Memory, double> { [Memory.L2] = Roof.L2BytesPerSecond(device), [Memory.Dram] = DramBytesPerSecond() });
    }

    /// <summary>The best of some copies of far more than a cache holds.</summary>
    private static double DramBytesPerSecond()
    {
        const int Bytes = 128 << 20, Runs = 12;
        byte[] from = new byte[Bytes], to = new byte[Bytes];
        long best = long.MaxValue;
        for (int run = 0; run < Runs; run++)
        {
            long start = Stopwatch.GetTimestamp();
            from.CopyTo(to, 0);
            best = Math.Min(best, Stopwatch.GetTimestamp() - start);
        }
        return 2.0 * Bytes * Stopwatch.Frequency / best;
    }

    /// <summary>Share of the limit that the work is nearest to, and that limit's name.</summary>
    internal (double Share, string Limit) Of(Work work, double seconds)
    {
        double byFlop = work.Flop / Flops[work.Precision], byBytes = work.Bytes / BytesPerSecond[work.Memory];
        return (Math.Max(byFlop, byBytes) / seconds, byFlop > byBytes ? work.Precision.ToString() : work.Memory.ToString());
    }

    public override string ToString() => "roof of one thread: "
        + string.Join(", ", Flops.Select(flops => $"{flops.Key} {flops.Value / 1e9:f1} GFLOP/s"))
        + string.Concat(BytesPerSecond.Select(bytes => $", {bytes.Key} {bytes.Value / 1e9:f1} GB/s"));
}
