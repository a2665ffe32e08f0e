using MiniLM.Evaluation.Statistics;

namespace MiniLM.Mining;

/// <summary>How scores lie; what no or one score leaves undefined is NaN.</summary>
internal sealed class ScoreSummary
{
    private readonly double[] _sorted;

    internal ScoreSummary(IEnumerable<float> scores)
    {
        _sorted = [.. scores.Select(score => (double)score)];
        Array.Sort(_sorted);
    }

    internal int Count => _sorted.Length;

    internal double Mean => PairwiseSum.Mean(_sorted);

    /// <summary>The lower of two middle scores, as torch has it; <see cref="At"/>(0.5) lies between them.</summary>
    internal double Median => Count == 0 ? double.NaN : _sorted[(Count - 1) / 2];

    /// <summary>With n - 1.</summary>
    internal double StandardDeviation => Deviations.Sample(_sorted);

    /// <summary>The score below which a share lies: 0 the least, 1 the greatest.</summary>
    internal double At(double share) => Quantile.Of(_sorted, share);
}
