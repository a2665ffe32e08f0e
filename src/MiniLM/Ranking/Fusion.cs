namespace MiniLM.Ranking;

/// <summary>One list of the documents of several.</summary>
internal static class Fusion
{
    /// <summary>Fuses the lists of one query.</summary>
    /// <param name="lists">Best first, a document once a list; may be empty. Scores are finite; <see cref="FusionMethod.Rrf"/> reads none.</param>
    /// <param name="method">How.</param>
    /// <param name="weights">One a list.</param>
    /// <param name="k">Of <see cref="FusionMethod.Rrf"/>: the greater, the less first ranks count above the others.</param>
    /// <returns>By fused score, greatest first; equal ones by id, least first. Not finite where the scores' range or sum is not.</returns>
    internal static (string Document, double Score)[] Fuse(
        IReadOnlyList<(string Document, double Score)[]> lists, FusionMethod method, double[] weights, int k)
    {
        Dictionary<string, (double Sum, int Lists)> fused = new(StringComparer.Ordinal);
        for (int list = 0; list < lists.Count; list++)
        {
            double[] scores = Normalize(Array.ConvertAll(lists[list], line => line.Score), method, k);
            for (int rank = 0; rank < scores.Length; rank++)
            {
                (double sum, int count) = fused.GetValueOrDefault(lists[list][rank].Document);
                fused[lists[list][rank].Document] = (sum + weights[list] * scores[rank], count + 1);
            }
        }
        return [.. fused.Select(entry => (entry.Key, method == FusionMethod.CombMnz ? entry.Value.Sum * entry.Value.Lists : entry.Value.Sum))
            .OrderByDescending(line => line.Item2).ThenBy(line => line.Key, Utf8Order.Instance)];
    }

    private static double[] Normalize(double[] scores, FusionMethod method, int k)
    {
        if (scores.Length == 0 || method is FusionMethod.CombSum or FusionMethod.CombMnz) { return scores; }
        if (method == FusionMethod.Rrf) { return [.. scores.Select((_, rank) => 1 / ((double)k + rank + 1))]; }
        (double min, double max) = (scores.Min(), scores.Max());
        if (!double.IsFinite(max - min)) { return Array.ConvertAll(scores, _ => double.NaN); }
        if (method == FusionMethod.MinMax) { return Array.ConvertAll(scores, score => min == max ? 1 : (score - min) / (max - min)); }
        double mean = scores.Average(), deviation = Math.Sqrt(scores.Average(score => (score - mean) * (score - mean)));
        // Rounding leaves equal scores a mean that is not theirs.
        return Array.ConvertAll(scores, score => min == max ? 0 : (score - mean) / deviation);
    }
}
