using System.Diagnostics;

namespace MiniLM.Batching;

/// <summary>When a window is full: it holds what half a second computes, so that a killed run loses little and output flows.</summary>
/// <remarks>Work goes by the length of texts, not by their number: a stream may turn from questions to abstracts.</remarks>
/// <param name="isFlushed">A row a window: a line in gives a line out at once.</param>
internal sealed class WindowPace(bool isFlushed = false)
{
    private const double TargetSeconds = .5;
    private const int FirstWork = 4096; // about a thousand tokens: the first window tells how fast this machine is
    private const int MostChars = 2048; // of a text: about 512 tokens, where models cut
    private const int Specials = 16; // [CLS], [SEP] and what else a row costs, in characters

    private long _started, _work;
    private double _most = FirstWork;
    private int _rows;

    /// <summary>Whether a further row belongs to the next window.</summary>
    internal bool IsFull => isFlushed ? _rows > 0 : _work >= _most || _rows >= TokenWindow.Capacity;

    /// <summary>Counts a row's texts to the window.</summary>
    internal void Add(params ReadOnlySpan<string> texts)
    {
        _rows++;
        _work += Specials;
        foreach (string text in texts) { _work += Math.Min(text.Length, MostChars); }
    }

    /// <summary>Counts a row of so many characters to the window.</summary>
    internal void Add(int length)
    {
        _rows++;
        _work += Specials + Math.Min(length, MostChars);
    }

    internal void Start() => _started = Stopwatch.GetTimestamp();

    /// <summary>Ends the window.</summary>
    internal void Stop() => Adapt(Stopwatch.GetElapsedTime(_started).TotalSeconds);

    /// <summary>Ends the window, which took so long.</summary>
    internal void Adapt(double seconds)
    {
        // At most fourfold: the first windows are short, and a short time is badly measured.
        _most = Math.Min(_work * TargetSeconds / Math.Max(seconds, 1e-6), 4 * _most);
        (_work, _rows) = (0, 0);
    }
}
