namespace MiniLM.Mining;

/// <summary>How negatives are taken from the candidates that are left.</summary>
internal enum SamplingStrategy
{
    /// <summary>The best ones.</summary>
    Top,

    /// <summary>Any of them, each as likely.</summary>
    Random,
}

/// <summary>Which documents are hard negatives of a query: the parameters of sentence-transformers' <c>mine_hard_negatives</c>.</summary>
/// <remarks>Ranks count the candidates that no rule removed, best first. Limits are float32, as the scores that they are compared with.</remarks>
internal sealed record MiningOptions
{
    /// <summary>Negatives a query; fewer where there are no more.</summary>
    internal int NumNegatives { get; init; } = 3;

    /// <summary>Ranks left out at the top: they may be positives that nobody judged.</summary>
    internal int RangeMin { get; init; }

    /// <summary>Ranks that are looked at; null: as many as the other parameters need.</summary>
    internal int? RangeMax { get; init; }

    /// <summary>Highest score of a negative.</summary>
    internal float? MaxScore { get; init; }

    /// <summary>Lowest score of a negative.</summary>
    internal float? MinScore { get; init; }

    /// <summary>By how much a negative scores below the query's lowest positive.</summary>
    internal float? AbsoluteMargin { get; init; }

    /// <summary>The same as a share of that positive's magnitude.</summary>
    internal float? RelativeMargin { get; init; }

    internal SamplingStrategy Sampling { get; init; }

    /// <summary>Of <see cref="SamplingStrategy.Random"/>.</summary>
    internal ulong Seed { get; init; }

    /// <summary>Whether positives stay among the candidates: a ranking to evaluate by, not negatives to train with.</summary>
    internal bool IncludePositives { get; init; }

    /// <summary>Whether a score decides anything; without that a judge is not asked.</summary>
    internal bool HasLimit => HasUpperLimit || MinScore is not null;

    private bool HasUpperLimit => (AbsoluteMargin ?? RelativeMargin ?? MaxScore) is not null;

    /// <summary>Refuses ranks that cannot hold the negatives.</summary>
    /// <exception cref="ArgumentException">One line that names the parameters.</exception>
    internal void Check()
    {
        if (NumNegatives < 1) { throw new ArgumentException($"--num-negatives {NumNegatives}: at least 1 is mined"); }
        if (RangeMin < 0) { throw new ArgumentException($"--range-min {RangeMin}: ranks are counted from 0"); }
        if (RangeMax is not { } end) { return; }
        if (RangeMin >= end) { throw new ArgumentException($"--range-min {RangeMin} leaves nothing of --range-max {end}: give a smaller one, or more ranks"); }
        if (NumNegatives > end - RangeMin)
        {
            throw new ArgumentException(
                $"--num-negatives {NumNegatives}: --range-min {RangeMin} and --range-max {end} leave {end - RangeMin} candidates. Ask for fewer or widen it.");
        }
    }

    /// <summary>The ranks that are looked at: tenfold where many candidates may be removed.</summary>
    /// <param name="mostPositives">Of a query.</param>
    /// <param name="isJudged">Whether there is a judge.</param>
    internal long LastRank(int mostPositives, bool isJudged)
    {
        bool isWide = HasUpperLimit || (isJudged && MinScore is not null);
        return RangeMax ?? RangeMin + (isWide ? 10L : 1) * NumNegatives + mostPositives;
    }
}
