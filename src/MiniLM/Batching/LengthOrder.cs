namespace MiniLM.Batching;

/// <summary>Sequences by length, the longest first; equal lengths keep their order.</summary>
/// <remarks>Sequences of like length fill a core's group of rows evenly, and the short ones at the end even out the threads.</remarks>
internal sealed class LengthOrder
{
    private long[] _keys = [];
    private int[] _order = [];

    /// <summary>Places in <paramref name="lengths"/>, longest first; valid until the next call, and allocates only to grow.</summary>
    /// <param name="lengths">Not negative.</param>
    internal ReadOnlySpan<int> Of(ReadOnlySpan<int> lengths)
    {
        if (_keys.Length < lengths.Length) { (_keys, _order) = (new long[lengths.Length], new int[lengths.Length]); }
        // One number, length down then place up, so that an unstable sort is stable.
        for (int i = 0; i < lengths.Length; i++) { _keys[i] = ((long)-lengths[i] << 32) | (uint)i; }
        _keys.AsSpan(0, lengths.Length).Sort();
        for (int i = 0; i < lengths.Length; i++) { _order[i] = (int)_keys[i]; }
        return _order.AsSpan(0, lengths.Length);
    }
}
