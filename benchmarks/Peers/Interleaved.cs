using System.Diagnostics;

namespace Peers;

/// <summary>Two things timed in turns, so that a machine that slows down slows both.</summary>
internal static class Interleaved
{
    // Long enough for steady state, short enough for many turns; the pause lets the other's threads stop spinning.
    private const double BlockSeconds = 0.25;
    private const int PauseMs = 20, FewestBlocks = 3;

    /// <summary>Seconds of each run of both, sorted; the first run of each block is left out when a block has several.</summary>
    internal static (double[] First, double[] Second) Measure(Action first, Action second, double seconds)
    {
        List<double> a = [], b = [];
        Block(first, []);
        Block(second, []);
        long start = Stopwatch.GetTimestamp();
        for (int block = 0; block < FewestBlocks || Stopwatch.GetElapsedTime(start).TotalSeconds < seconds; block++)
        {
            Block(first, a);
            Block(second, b);
        }
        a.Sort();
        b.Sort();
        return ([.. a], [.. b]);
    }

    private static void Block(Action run, List<double> samples)
    {
        Thread.Sleep(PauseMs);
        long start = Stopwatch.GetTimestamp();
        double cold = Time(run);
        if (cold > BlockSeconds / 4)
        {
            samples.Add(cold);
            return;
        }
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < BlockSeconds) { samples.Add(Time(run)); }
    }

    private static double Time(Action run)
    {
        long start = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
