namespace MiniLM.Compute.Reference;

/// <summary>MPNet's buckets of relative distance (T5's rule, bidirectional; Raffel et al. 2020, arXiv:1910.10683).</summary>
internal static class RelativePosition
{
    private const int MaxDistance = 128;

    /// <summary>Bucket of <paramref name="distance"/> = key column - query column: half the buckets for each side, half of those exact, the rest logarithmic.</summary>
    internal static int Bucket(int distance, int buckets)
    {
        int half = buckets / 2, exact = half / 2, n = Math.Abs(distance), side = distance > 0 ? half : 0;
        if (n < exact) { return side + n; }
        // In float, as the reference computes it: the borders between buckets depend on it.
        float logarithm = MathF.Log(n / (float)exact) / (float)Math.Log(MaxDistance / (double)exact) * (half - exact);
        return side + Math.Min(half - 1, exact + (int)logarithm);
    }
}
