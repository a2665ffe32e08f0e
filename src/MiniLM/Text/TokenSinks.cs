using System.Runtime.CompilerServices;

namespace MiniLM.Text;

/// <summary>Takes tokens as they are found; a struct, so that each use of the pipeline is compiled for its own.</summary>
internal interface ITokenSink
{
    /// <summary>Takes a token that spans bytes start..end of the normalized text; false = no further token is wanted.</summary>
    bool Add(int id, int start, int end);

    /// <summary>Takes an added token that matched start..end of the raw text, or else of the normalized text.</summary>
    bool AddMatched(int id, int start, int end, bool raw);
}

/// <summary>Keeps ids until the span is full, or the last ones.</summary>
/// <param name="ids">Takes them.</param>
/// <param name="keepsLast">Whether an id behind the last place takes that of the first: a ring, until <see cref="Order"/>.</param>
internal ref struct IdSink(Span<int> ids, bool keepsLast = false) : ITokenSink
{
    private readonly Span<int> _ids = ids;

    internal int Count { get; private set; }

    /// <summary>Ids that had no room, or gave up theirs.</summary>
    internal int Lost { get; private set; }

    /// <summary>A token came that had no room.</summary>
    internal readonly bool Overflowed => Lost > 0;

    /// <summary>Puts the last ids in their order.</summary>
    internal readonly void Order()
    {
        if (!keepsLast || Lost == 0 || Count == 0) { return; }
        int first = Lost % Count;
        _ids[..first].Reverse();
        _ids[first..Count].Reverse();
        _ids[..Count].Reverse();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Add(int id, int start, int end)
    {
        int count = Count;
        if ((uint)count >= (uint)_ids.Length) { return Overflow(id); }
        _ids[count] = id;
        Count = count + 1;
        return true;
    }

    public bool AddMatched(int id, int start, int end, bool raw) => Add(id, start, end);

    private bool Overflow(int id)
    {
        if (keepsLast && _ids.Length > 0) { _ids[Lost % _ids.Length] = id; }
        Lost++;
        return keepsLast;
    }
}

/// <summary>Counts tokens up to a limit.</summary>
internal struct CountSink(int limit) : ITokenSink
{
    internal int Count { get; private set; }

    public bool Add(int id, int start, int end) => ++Count < limit;

    public bool AddMatched(int id, int start, int end, bool raw) => Add(id, start, end);
}

/// <summary>Keeps everything that a <see cref="TokenEncoding"/> shows.</summary>
internal readonly struct DetailSink(string text, NormalizedText normalized, List<TokenDetail> tokens, CancellationToken cancellation) : ITokenSink
{
    internal const int CancellationStride = 4096; // tokens

    public bool Add(int id, int start, int end)
    {
        if (tokens.Count % CancellationStride == 0) { cancellation.ThrowIfCancellationRequested(); }
        tokens.Add(new TokenDetail(id, null, normalized.Start(start), normalized.End(end - 1)));
        return true;
    }

    public bool AddMatched(int id, int start, int end, bool raw)
    {
        tokens.Add(raw
            ? new TokenDetail(id, text[start..end], start, end)
            : new TokenDetail(id, System.Text.Encoding.UTF8.GetString(normalized.Bytes[start..end]), normalized.Start(start), normalized.End(end - 1)));
        return true;
    }
}

/// <summary>A token before the post-processor; <paramref name="Text"/> is null when it is that of the vocabulary.</summary>
internal readonly record struct TokenDetail(int Id, string? Text, int Start, int End);
