using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MiniLM.Cpu;

/// <summary>Scalar products of rows: all pairs for search, single ones for dense heads.</summary>
/// <remarks>A pair's sum has the same order alone and among others: four sums of lanes, added pairwise, then the tail.</remarks>
internal static unsafe class Similarity
{
    internal static float Dot<TLanes>(float* a, float* b, int count) where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(count >= 0 && (count == 0 || a != null && b != null));
        int lanes = TLanes.Count, whole = count - count % (4 * lanes);
        TLanes s0 = TLanes.Create(0), s1 = s0, s2 = s0, s3 = s0;
        for (int i = 0; i < whole; i += 4 * lanes)
        {
            s0 = TLanes.MultiplyAdd(TLanes.Load(a + i), TLanes.Load(b + i), s0);
            s1 = TLanes.MultiplyAdd(TLanes.Load(a + i + lanes), TLanes.Load(b + i + lanes), s1);
            s2 = TLanes.MultiplyAdd(TLanes.Load(a + i + 2 * lanes), TLanes.Load(b + i + 2 * lanes), s2);
            s3 = TLanes.MultiplyAdd(TLanes.Load(a + i + 3 * lanes), TLanes.Load(b + i + 3 * lanes), s3);
        }
        float sum = (s0 + s1 + (s2 + s3)).Sum();
        for (int i = whole; i < count; i++) { sum = MathF.FusedMultiplyAdd(a[i], b[i], sum); }
        return sum;
    }

    /// <summary>scores[q, d] of queries[q] and documents[d] for documents [first, end), which are passed over in blocks that stay
    /// in L1 while every query meets them.</summary>
    internal static void AllPairs<TLanes, TScore>(
        float* queries, int queryCount, float* documents, int first, int end, int width, float* scores, nint scoresStride)
        where TLanes : struct, ILanes<TLanes> where TScore : struct, IPairScore
    {
        Debug.Assert(width > 0 && queryCount >= 0 && first >= 0 && end >= first && scoresStride >= end);
        const int Block = 16;
        for (int block = first; block < end; block += Block)
        {
            int blockEnd = Math.Min(block + Block, end);
            for (int query = 0; query < queryCount; query++)
            {
                for (int document = block; document < blockEnd; document++)
                {
                    scores[query * scoresStride + document] =
                        TScore.Of<TLanes>(queries + (long)query * width, documents + (long)document * width, width);
                }
            }
        }
    }
}

/// <summary>A number of two rows, greater for nearer ones; a struct, so that the loop over all pairs is compiled for each.</summary>
internal unsafe interface IPairScore
{
    static abstract float Of<TLanes>(float* a, float* b, int count) where TLanes : struct, ILanes<TLanes>;
}

/// <summary>a . b.</summary>
internal readonly struct ScalarProduct : IPairScore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe float Of<TLanes>(float* a, float* b, int count) where TLanes : struct, ILanes<TLanes> => Similarity.Dot<TLanes>(a, b, count);
}
