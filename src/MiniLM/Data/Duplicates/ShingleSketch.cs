using System.Numerics;
using System.Runtime.CompilerServices;

namespace MiniLM.Data.Duplicates;

/// <summary>A set of shingles in 512 bits, from which a least difference of two sets follows (the bitmap filter of Sandes et al. 2020).</summary>
/// <remarks>Every shingle turns one bit: what two sets share turns the same bits, so that each bit that differs is another shingle of one of them.</remarks>
internal readonly struct ShingleSketch
{
    private readonly Words _words;
    private readonly int _size;

    /// <param name="shingles">Distinct.</param>
    internal ShingleSketch(ReadOnlySpan<ulong> shingles)
    {
        _size = shingles.Length;
        foreach (ulong shingle in shingles) { _words[(int)(shingle / 64 % Words.Length)] ^= 1UL << (int)(shingle % 64); }
    }

    /// <summary>Whether sets may be as similar as the threshold, by what they differ in: both have s + l shingles, and of those common / (s + l - common) >= t
    /// leaves at most (s + l) (1 - t) / (1 + t) that are in one only.</summary>
    /// <param name="other">The other set.</param>
    /// <param name="mostDifferent">(1 - t) / (1 + t).</param>
    internal bool MayBeSimilar(in ShingleSketch other, double mostDifferent)
    {
        int different = 0;
        for (int i = 0; i < Words.Length; i++) { different += BitOperations.PopCount(_words[i] ^ other._words[i]); }
        return Math.Max(different, Math.Abs(_size - other._size)) <= (_size + other._size) * mostDifferent + OrderedShingles.Rounding;
    }

    [InlineArray(Length)]
    private struct Words
    {
        internal const int Length = 8;
        private ulong _first;
    }
}
