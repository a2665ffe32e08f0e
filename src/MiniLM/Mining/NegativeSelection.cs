using MiniLM.Evaluation.Statistics;
using MiniLM.Retrieval;

namespace MiniLM.Mining;

/// <summary>Why a candidate is no negative, in the order in which it is asked.</summary>
internal enum MiningRule
{
    AbsoluteMargin,
    RelativeMargin,
    MaxScore,
    MinScore,
}

/// <summary>Takes a query's negatives from its candidates, as <c>mine_hard_negatives</c> does.</summary>
/// <param name="options">Checked.</param>
/// <param name="lastRank">Of <see cref="MiningOptions.LastRank"/>.</param>
internal sealed class NegativeSelection(MiningOptions options, long lastRank)
{
    private readonly SplitMix64 _random = new(options.Seed);
    private readonly long[] _skipped = new long[Enum.GetValues<MiningRule>().Length];

    /// <summary>Candidates so far, without the positives that are left out.</summary>
    internal long Candidates { get; private set; }

    /// <summary>How many of them a rule removed: the first that applies.</summary>
    internal long Skipped(MiningRule rule) => _skipped[(int)rule];

    /// <summary>The negatives, best first; of equal scores the earlier candidate.</summary>
    /// <param name="candidates">In the order of the search; their scores may be a judge's.</param>
    /// <param name="positives">At least one.</param>
    internal SearchHit[] Select(ReadOnlySpan<SearchHit> candidates, SearchHit[] positives)
    {
        float lowest = positives.Min(positive => positive.Score);
        HashSet<int> excluded = options.IncludePositives ? [] : [.. positives.Select(positive => positive.Document)];
        List<SearchHit> left = [];
        foreach (SearchHit candidate in candidates)
        {
            if (excluded.Contains(candidate.Document)) { continue; }
            Candidates++;
            if (Broken(candidate.Score, lowest) is { } rule) { _skipped[(int)rule]++; }
            else { left.Add(candidate); }
        }
        // Ranks are counted after the rules, by the scores that the rules looked at.
        SearchHit[] ranked = [.. left.OrderByDescending(candidate => candidate.Score)];
        int end = (int)Math.Min(lastRank, ranked.Length);
        ReadOnlySpan<SearchHit> inRange = ranked.AsSpan(Math.Min(options.RangeMin, end)..end);
        return options.Sampling == SamplingStrategy.Top ? inRange[..Math.Min(options.NumNegatives, inRange.Length)].ToArray() : Sample(inRange);
    }

    private MiningRule? Broken(float score, float lowestPositive) =>
        score + options.AbsoluteMargin > lowestPositive ? MiningRule.AbsoluteMargin
        : score > lowestPositive - Math.Abs(lowestPositive) * options.RelativeMargin ? MiningRule.RelativeMargin
        : score > options.MaxScore ? MiningRule.MaxScore
        : score < options.MinScore ? MiningRule.MinScore
        : null;

    // The first draws of a Fisher-Yates shuffle: every set of so many is as likely. Where all are taken nothing is drawn.
    private SearchHit[] Sample(ReadOnlySpan<SearchHit> ranked)
    {
        int[] places = [.. Enumerable.Range(0, ranked.Length)];
        int count = Math.Min(options.NumNegatives, places.Length);
        for (int i = 0; count < places.Length && i < count; i++)
        {
            int drawn = i + _random.Next(places.Length - i);
            (places[i], places[drawn]) = (places[drawn], places[i]);
        }
        SearchHit[] sample = new SearchHit[count];
        Array.Sort(places, 0, count);
        for (int i = 0; i < count; i++) { sample[i] = ranked[places[i]]; }
        return sample;
    }
}
