using System.Runtime.CompilerServices;

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
}

/// <summary>-|a - b|.</summary>
internal readonly struct NegativeEuclidean : IPairScore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe float Of<TLanes>(float* a, float* b, int count) where TLanes : struct, ILanes<TLanes> => 0 - Distance.Euclidean<TLanes>(a, b, count);
}

/// <summary>The negative sum of |a - b| by elements.</summary>
internal readonly struct NegativeManhattan : IPairScore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe float Of<TLanes>(float* a, float* b, int count) where TLanes : struct, ILanes<TLanes> => 0 - Distance.Manhattan<TLanes>(a, b, count);
}
