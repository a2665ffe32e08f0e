namespace MiniLM.Text;

/// <summary>Buffers of one thread, shared by all tokenizers and kept between calls, so that encoding allocates nothing after warm-up.</summary>
internal sealed class EncodeScratch
{
    [ThreadStatic]
    private static EncodeScratch? _current;

    private int[] _ids = new int[1024];

    internal static EncodeScratch Current => _current ??= new EncodeScratch();

    internal NormalizedText Normalized { get; } = new();

    internal PieceBuffer Pieces { get; } = new();

    internal AsciiWindow Window { get; } = new();

    internal List<TextPart> RawParts { get; } = [];

    internal List<TextPart> NormalizedParts { get; } = [];

    internal Span<int> Ids(int count)
    {
        if (_ids.Length < count) { _ids = new int[Math.Max(count, _ids.Length * 2)]; }
        return _ids.AsSpan(0, count);
    }
}
