namespace MiniLM.Evaluation;

/// <summary>How alike two rankings are, the top counting most (Webber, Moffat, Zobel, "A similarity measure for indefinite rankings", 2010).</summary>
internal static class RankBiasedOverlap
{
    /// <summary>RBO extrapolated: both go on as they agreed at their ends (equation 32). 0 when one is empty.</summary>
    /// <param name="a">Ids without duplicates, best first.</param>
    /// <param name="b">Likewise; of any length.</param>
    /// <param name="p">Persistence between 0 and 1: the smaller, the more the top counts.</param>
    internal static double Extrapolated(IReadOnlyList<string> a, IReadOnlyList<string> b, double p)
    {
        int[] overlaps = Overlaps(a, b);
        int shorter = Math.Min(a.Count, b.Count), longer = overlaps.Length - 1;
        if (shorter == 0) { return 0; }
        double sum = 0, atShorter = (double)overlaps[shorter] / shorter;
        for (int depth = 1; depth <= longer; depth++)
        {
            double agreement = (double)overlaps[depth] / depth;
            if (depth > shorter) { agreement += atShorter * (depth - shorter) / depth; }
            sum += agreement * Math.Pow(p, depth);
        }
        return (1 - p) / p * sum + ((double)(overlaps[longer] - overlaps[shorter]) / longer + atShorter) * Math.Pow(p, longer);
    }

    /// <summary>The least it can be, whatever follows behind the depth that both have (equation 11). 0 when one is empty.</summary>
    internal static double LowerBound(IReadOnlyList<string> a, IReadOnlyList<string> b, double p)
    {
        int[] overlaps = Overlaps(a, b);
        int common = Math.Min(a.Count, b.Count);
        double sum = -overlaps[common] * Math.Log(1 - p);
        for (int depth = 1; depth <= common; depth++) { sum += (overlaps[depth] - overlaps[common]) * Math.Pow(p, depth) / depth; }
        return (1 - p) / p * sum;
    }

    /// <summary>Ids in common by depth, from 0 to the longer one's; the shorter one stays as it is behind its end.</summary>
    private static int[] Overlaps(IReadOnlyList<string> a, IReadOnlyList<string> b)
    {
        int[] overlaps = new int[Math.Max(a.Count, b.Count) + 1];
        HashSet<string> seenInA = new(StringComparer.Ordinal), seenInB = new(StringComparer.Ordinal);
        for (int depth = 1; depth < overlaps.Length; depth++)
        {
            overlaps[depth] = overlaps[depth - 1];
            if (depth <= a.Count && seenInA.Add(a[depth - 1]) && seenInB.Contains(a[depth - 1])) { overlaps[depth]++; }
            if (depth <= b.Count && seenInB.Add(b[depth - 1]) && seenInA.Contains(b[depth - 1])) { overlaps[depth]++; }
        }
        return overlaps;
    }
}
