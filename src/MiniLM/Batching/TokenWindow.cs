namespace MiniLM.Batching;

/// <summary>Tokens of the inputs of one window, one after the other.</summary>
/// <remarks>
/// A stream is cut into windows of <see cref="Capacity"/> inputs, so that memory stays bounded whatever its length. Arrays grow by doubling and are kept.
/// </remarks>
internal sealed class TokenWindow
{
    /// <summary>Inputs of one window.</summary>
    internal const int Capacity = 4096;

    private int[] _ids = new int[256];
    private byte[] _typeIds = new byte[256];
    private int[] _offsets = new int[16], _lengths = new int[16];

    /// <summary>Writes one input's ids and type ids, at most as many as the spans hold.</summary>
    /// <param name="index">Which input, from 0.</param>
    /// <param name="ids">Token ids.</param>
    /// <param name="typeIds">Zeros until written.</param>
    /// <param name="truncated">Whether something was cut.</param>
    /// <returns>Tokens written.</returns>
    internal delegate int Encode(int index, Span<int> ids, Span<byte> typeIds, out bool truncated);

    internal int Count { get; private set; }

    /// <summary>Inputs that were cut.</summary>
    internal int Truncated { get; private set; }

    /// <summary>Tokens of all inputs.</summary>
    internal int Tokens { get; private set; }

    /// <summary>Tokens of each input.</summary>
    internal ReadOnlySpan<int> Lengths => _lengths.AsSpan(0, Count);

    internal ReadOnlySpan<int> Ids(int input) => _ids.AsSpan(_offsets[input], _lengths[input]);

    internal ReadOnlySpan<byte> TypeIds(int input) => _typeIds.AsSpan(_offsets[input], _lengths[input]);

    internal void Clear() => (Count, Truncated, Tokens) = (0, 0, 0);

    /// <summary>Tokenizes inputs <paramref name="first"/> to <paramref name="end"/> - 1 behind those that are here.</summary>
    internal void Add(Encode encode, int first, int end, int maxLength, CancellationToken cancellation = default)
    {
        if (_lengths.Length < Count + end - first)
        {
            int capacity = Math.Max(2 * _lengths.Length, Count + end - first);
            Array.Resize(ref _offsets, capacity);
            Array.Resize(ref _lengths, capacity);
        }
        for (int input = first; input < end; input++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_ids.Length < Tokens + maxLength)
            {
                Array.Resize(ref _ids, Math.Max(2 * _ids.Length, Tokens + maxLength));
                Array.Resize(ref _typeIds, _ids.Length);
            }
            Span<byte> typeIds = _typeIds.AsSpan(Tokens, maxLength);
            typeIds.Clear();
            (_offsets[Count], _lengths[Count]) = (Tokens, encode(input, _ids.AsSpan(Tokens, maxLength), typeIds, out bool truncated));
            if (truncated) { Truncated++; }
            Tokens += _lengths[Count++];
        }
    }
}
