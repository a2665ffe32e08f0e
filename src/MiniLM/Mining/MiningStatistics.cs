namespace MiniLM.Mining;

/// <summary>What a run of <see cref="HardNegatives"/> found.</summary>
/// <param name="format">Whose rows are counted.</param>
/// <param name="numNegatives">How many negatives were asked for.</param>
internal sealed class MiningStatistics(MiningFormat format, int numNegatives)
{
    private readonly List<float> _positives = [], _negatives = [], _differences = [];

    internal int Queries { get; private set; }

    /// <summary>Rows written.</summary>
    internal long Rows { get; private set; }

    /// <summary>Rows if every query had all its negatives.</summary>
    internal long MostRows => format switch
    {
        MiningFormat.Triplet => (long)_positives.Count * numNegatives,
        MiningFormat.LabeledPair => (long)Queries * numNegatives + _positives.Count,
        _ => _positives.Count,
    };

    /// <summary>Scores of all positives, also of those that no row has.</summary>
    internal ScoreSummary Positive => new(_positives);

    /// <summary>Scores of the negatives, for each positive of their query.</summary>
    internal ScoreSummary Negative => new(_negatives);

    /// <summary>Scores of positives less those of their negatives.</summary>
    internal ScoreSummary Difference => new(_differences);

    /// <summary>Counts a query.</summary>
    /// <returns>Its rows.</returns>
    internal MinedRow[] Add(MinedQuery mined)
    {
        MinedRow[] rows = [.. mined.Rows(format, numNegatives)];
        Queries++;
        Rows += rows.Length;
        _positives.AddRange(mined.Positives.Select(positive => positive.Score));
        if (format == MiningFormat.NTuple && rows.Length == 0) { return rows; }
        foreach (float positive in mined.Positives.Select(positive => positive.Score))
        {
            _negatives.AddRange(mined.Negatives.Select(negative => negative.Score));
            _differences.AddRange(mined.Negatives.Select(negative => positive - negative.Score));
        }
        return rows;
    }
}
