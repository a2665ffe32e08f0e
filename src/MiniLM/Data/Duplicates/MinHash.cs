using System.Numerics;
using System.Runtime.InteropServices;
using MiniLM.Evaluation.Statistics;

namespace MiniLM.Data.Duplicates;

/// <summary>
/// Signatures of shingle sets, of which two agree at each place with about the probability of the sets' similarity (Broder 1997), and their
/// bands: sets of a similarity above the threshold share a band with near certainty, those far below it hardly ever (Indyk and Motwani 1998).
/// </summary>
internal sealed class MinHash
{
    /// <summary>Places of a signature.</summary>
    internal const int Places = 128;

    /// <summary>Most probability that two sets at the threshold share no band.</summary>
    private const double MostMissed = 1e-4;

    private static readonly uint[] Multipliers = new uint[Places], Offsets = new uint[Places];

    private readonly int _rows;

    static MinHash()
    {
        SplitMix64 random = new(5);
        for (int i = 0; i < Places; i++) { (Multipliers[i], Offsets[i]) = ((uint)random.Next() | 1, (uint)random.Next()); }
    }

    /// <param name="threshold">Similarity, above 0, at most 1.</param>
    internal MinHash(double threshold)
    {
        _rows = 1;
        while (_rows < Places && Missed(threshold, _rows + 1) <= MostMissed) { _rows++; }
    }

    /// <summary>Bands of a signature.</summary>
    internal int Bands => Places / _rows;

    /// <summary>A number for each band of the set's signature: those of two sets are equal where the bands are.</summary>
    internal void Write(ReadOnlySpan<ulong> shingles, Span<ulong> bands)
    {
        Span<uint> signature = stackalloc uint[Places];
        Sign(shingles, signature);
        for (int band = 0; band < bands.Length; band++)
        {
            ulong hash = (ulong)band;
            foreach (uint place in signature.Slice(band * _rows, _rows))
            {
                hash = (hash ^ place) * 0x9E3779B97F4A7C15;
                hash ^= hash >> 32;
            }
            bands[band] = hash;
        }
    }

    // An odd multiplier and an offset permute the numbers of 32 bits: the place holds the least of the permuted shingles.
    private static void Sign(ReadOnlySpan<ulong> shingles, Span<uint> signature)
    {
        signature.Fill(uint.MaxValue);
        ReadOnlySpan<Vector<uint>> multipliers = MemoryMarshal.Cast<uint, Vector<uint>>(Multipliers), offsets = MemoryMarshal.Cast<uint, Vector<uint>>(Offsets);
        Span<Vector<uint>> least = MemoryMarshal.Cast<uint, Vector<uint>>(signature);
        foreach (ulong shingle in shingles)
        {
            Vector<uint> value = new((uint)(shingle >> 32));
            for (int i = 0; i < least.Length; i++) { least[i] = Vector.Min(least[i], (value * multipliers[i]) + offsets[i]); }
        }
    }

    private static double Missed(double threshold, int rows) => Math.Pow(1 - Math.Pow(threshold, rows), Places / rows);
}
