using System.Diagnostics;
using MiniLM.Batching;

namespace MiniLM.Cli.Output;

/// <summary>How many inputs make a window: as many as half a second computes, so that a killed run loses little and output flows.</summary>
/// <param name="isFlushed">A row a window: a line in gives a line out at once.</param>
internal sealed class WindowPace(bool isFlushed = false)
{
    private const double TargetSeconds = .5;
    private const int Least = 32;

    private long _started;

    /// <summary>Inputs of the next window.</summary>
    internal int Size { get; private set; } = isFlushed ? 1 : 4 * Least;

    internal void Start() => _started = Stopwatch.GetTimestamp();

    internal void Stop(int inputs)
    {
        if (isFlushed) { return; }
        double seconds = Math.Max(Stopwatch.GetElapsedTime(_started).TotalSeconds, 1e-6);
        Size = (int)Math.Clamp(inputs * TargetSeconds / seconds, Math.Max(Least, Size / 4), Math.Min(4 * Size, SequenceWindow.Capacity));
    }
}
