using MiniLM.Batching;

namespace MiniLM.Data;

/// <summary>The documents or queries of a collection, a window at a time: a file of any length in bounded memory.</summary>
/// <remarks>Each id comes once and can stand in a run.</remarks>
/// <param name="collection">Stays the caller's.</param>
/// <param name="what">"document" or "query", for messages.</param>
/// <param name="isWanted">By id; others are passed over, unchecked. Null: all are wanted.</param>
/// <param name="capacity">Most documents of a window.</param>
/// <param name="pace">What else ends a window; null: nothing.</param>
internal sealed class CollectionWindows(
    TextCollection collection, string what, Func<string, bool>? isWanted = null, int capacity = TokenWindow.Capacity, WindowPace? pace = null)
{
    /// <summary>A window ends once its texts have so many characters: thousands of megabytes each must not be held at once.</summary>
    internal const int MaxChars = 1 << 23;

    private readonly KnownIds _known = new();
    private readonly List<Document> _window = [];
    private readonly List<long> _starts = [];

    internal WindowPace? Pace => pace;

    /// <summary>What the last call read.</summary>
    internal IReadOnlyList<Document> Window => _window;

    /// <summary>Where each of <see cref="Window"/> begins in its file.</summary>
    internal IReadOnlyList<long> Starts => _starts;

    /// <summary>Reads the next window.</summary>
    /// <returns>False at the end: the window is empty.</returns>
    /// <exception cref="DataFormatException">A line is damaged, or its id was there before or has white space.</exception>
    internal bool Read(CancellationToken cancellation = default)
    {
        _window.Clear();
        _starts.Clear();
        for (long chars = 0; _window.Count < capacity && pace?.IsFull != true && chars < MaxChars && collection.Read(out Document document);)
        {
            cancellation.ThrowIfCancellationRequested();
            if (isWanted?.Invoke(document.Id) == false) { continue; }
            if (!_known.Add(document.Id)) { throw collection.Wrong($"the id {Quoted.Text(document.Id)} was there before. Give every {what} its own."); }
            if (document.Id.AsSpan().ContainsAny(" \t\r\n\v\f"))
            {
                throw collection.Wrong($"the id {Quoted.Text(document.Id)} has white space, which separates the fields of a run. Give the {what} another.");
            }
            _window.Add(document);
            _starts.Add(collection.Start);
            int length = document.Title.Length + document.Text.Length;
            chars += length;
            pace?.Add(length);
        }
        return _window.Count > 0;
    }
}
