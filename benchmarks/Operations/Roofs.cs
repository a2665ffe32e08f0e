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
            new Dictionary<Memory, double> { [Memory.L2] = Roof.L2BytesPerSecond(device), [Memory.Dram] = DramBytesPerSecond(device) });
    }

    /// <summary>Copies of pieces of far more than a cache holds, each piece in its turn; the best counts, as for the other roofs.</summary>
    private static double DramBytesPerSecond(CpuDevice device)
    {
        const int Bytes = 128 << 20, Piece = 4 << 20;
        byte[] from = new byte[Bytes], to = new byte[Bytes];
        from.AsSpan().Fill(1); // what was never written is not in memory
        to.AsSpan().Fill(2);
        int at = 0;
        return Roof.SumOfBests(device.Pool, 2.0 * Piece, _ =>
        {
            from.AsSpan(at, Piece).CopyTo(to.AsSpan(at));
            at = (at + Piece) % Bytes;
        }, Stopwatch.GetTimestamp);
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
