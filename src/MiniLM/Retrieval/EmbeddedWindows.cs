using MiniLM.Data;

namespace MiniLM.Retrieval;

/// <summary>The documents or queries of a collection with their embeddings, a window at a time.</summary>
internal sealed class EmbeddedWindows(CollectionWindows windows, BiEncoder encoder, EmbedOptions options)
{
    private readonly int _width = encoder.DimensionOf(options);
    private readonly List<string> _texts = [];
    private float[] _vectors = [];

    /// <summary>What the last call read.</summary>
    internal IReadOnlyList<Document> Window => windows.Window;

    /// <summary>[Window.Count, DimensionOf(options)], valid until the next call.</summary>
    internal ReadOnlySpan<float> Vectors => _vectors.AsSpan(0, Window.Count * _width);

    /// <summary>All that was read so far.</summary>
    internal EncodingStatistics Total { get; private set; }

    /// <summary>Reads and embeds the next window; false at the end.</summary>
    /// <exception cref="DataFormatException">As of <see cref="CollectionWindows.Read"/>.</exception>
    /// <exception cref="NonFiniteResultException">A vector is NaN or infinite; it is counted from the first window.</exception>
    internal bool Read(CancellationToken cancellation = default)
    {
        if (!windows.Read(cancellation)) { return false; }
        _texts.Clear();
        foreach (Document document in Window) { _texts.Add(document.Joined); }
        int count = _texts.Count * _width;
        if (_vectors.Length < count) { _vectors = new float[count]; }
        windows.Pace?.Start();
        try { Total += encoder.Embed(_texts, _vectors.AsSpan(0, count), options, cancellation); }
        catch (NonFiniteResultException error) { throw error.After(Total.Inputs); }
        windows.Pace?.Stop();
        return true;
    }
}
