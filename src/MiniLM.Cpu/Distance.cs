using System.Diagnostics;

namespace MiniLM.Cpu;

/// <summary>Euclidean and Manhattan distances of rows, by their differences: |a|^2 + |b|^2 - 2 a b would lose near neighbours to cancellation.</summary>
/// <remarks>A pair's sum has the same order alone and among others: two sums of lanes, then the tail.</remarks>
internal static unsafe class Distance
{
    internal static float Euclidean<TLanes>(float* a, float* b, int count) where TLanes : struct, ILanes<TLanes>
    {
        int lanes = TLanes.Count, whole = count - count % (2 * lanes);
        TLanes s0 = TLanes.Create(0), s1 = s0;
        for (int i = 0; i < whole; i += 2 * lanes)
        {
            TLanes d0 = TLanes.Load(a + i) - TLanes.Load(b + i), d1 = TLanes.Load(a + i + lanes) - TLanes.Load(b + i + lanes);
            s0 = TLanes.MultiplyAdd(d0, d0, s0);
            s1 = TLanes.MultiplyAdd(d1, d1, s1);
        }
        float sum = (s0 + s1).Sum();
        for (int i = whole; i < count; i++) { sum = MathF.FusedMultiplyAdd(a[i] - b[i], a[i] - b[i], sum); }
        return MathF.Sqrt(sum);
    }

    internal static float Manhattan<TLanes>(float* a, float* b, int count) where TLanes : struct, ILanes<TLanes>
    {
        int lanes = TLanes.Count, whole = count - count % (2 * lanes);
        TLanes s0 = TLanes.Create(0), s1 = s0, zero = s0;
        for (int i = 0; i < whole; i += 2 * lanes)
        {
            TLanes d0 = TLanes.Load(a + i) - TLanes.Load(b + i), d1 = TLanes.Load(a + i + lanes) - TLanes.Load(b + i + lanes);
            s0 += TLanes.Max(d0, zero - d0);
            s1 += TLanes.Max(d1, zero - d1);
        }
        float sum = (s0 + s1).Sum();
        for (int i = whole; i < count; i++) { sum += MathF.Abs(a[i] - b[i]); }
        return sum;
    }

    /// <summary>scores[q, d] = -|queries[q] - documents[d]| for documents [first, end), which are passed over in blocks that stay
    /// in L1 while every query meets them.</summary>
    internal static void NegativeOfAllPairs<TLanes>(
        bool isEuclidean, float* queries, int queryCount, float* documents, int first, int end, int width, float* scores, nint scoresStride)
        where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(width > 0 && queryCount >= 0 && first >= 0 && end >= first && scoresStride >= end);
        const int Block = 16;
        for (int block = first; block < end; block += Block)
        {
            int blockEnd = Math.Min(block + Block, end);
            for (int query = 0; query < queryCount; query++)
            {
                float* from = queries + (long)query * width;
                for (int document = block; document < blockEnd; document++)
                {
                    float* to = documents + (long)document * width;
                    scores[query * scoresStride + document] = 0 - (isEuclidean ? Euclidean<TLanes>(from, to, width) : Manhattan<TLanes>(from, to, width));
                }
            }
        }
    }
}
