namespace MiniLM.Compute;

/// <summary>MPNet's buckets of column distance (T5's rule): exact when near, logarithmic up to 128, keys to the right apart from keys to the left.</summary>
internal static class MpnetBuckets
{
    /// <summary>Rows of the table.</summary>
    internal const int Count = 32;

    private const int Half = Count / 2, Exact = Half / 2, MaxDistance = 128;

    /// <summary>Row of the table for a key <paramref name="distance"/> columns to the right of the query (negative: to the left).</summary>
    internal static int Of(int distance)
    {
        int start = distance > 0 ? Half : 0, magnitude = Math.Abs(distance);
        if (magnitude < Exact) { return start + magnitude; }
        // In float, in this order: the reference rounds here, and a bucket's border depends on it.
        float scaled = MathF.Log(magnitude / (float)Exact) / (float)Math.Log(MaxDistance / (double)Exact) * (Half - Exact);
        return start + Math.Min(Exact + (int)scaled, Half - 1);
    }
}
