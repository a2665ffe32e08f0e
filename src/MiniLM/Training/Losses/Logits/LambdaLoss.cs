namespace MiniLM.Training.Losses.Logits;

/// <summary>How much a pair of documents counts.</summary>
internal enum LambdaWeighting
{
    /// <summary>1.</summary>
    None,

    /// <summary>Gain of the first over its discount; pairs of any labels count, a document with itself too.</summary>
    NDCGLoss1,

    /// <summary>Difference of gains x how the discount changes over their distance in rank.</summary>
    NDCGLoss2,

    /// <summary>Difference of gains x difference of inverse discounts: what exchanging the two does to nDCG.</summary>
    LambdaRank,

    /// <summary>Mu x NDCGLoss2 + LambdaRank.</summary>
    NDCGLoss2PP,
}

/// <summary>Pairwise logistic loss with weights by which it bounds nDCG.</summary>
/// <remarks>
/// Wang et al. 2018, "The LambdaLoss framework for ranking metric optimization".
/// Mean over pairs of a list with label_i above label_j of -w_ij log sigmoid(sigma (s_i - s_j)), in base 2 or natural; all lists together. Gains are
/// (2^label - 1) / the best DCG, discounts log2(1 + rank by score); both are constants. With k a pair counts when one of the two has one of the k best scores,
/// and the best DCG is that of k documents.
/// </remarks>
internal class LambdaLoss : ListLoss
{
    // The least DCG that a list is taken to have.
    private const double Least = 1e-10;

    internal LambdaWeighting Weighting { get; init; } = LambdaWeighting.NDCGLoss2PP;

    internal double Mu { get; init; } = 10;

    internal int? K { get; init; }

    internal double Sigma { get; init; } = 1;

    /// <summary>Logarithms are natural, not of base 2.</summary>
    internal bool IsNatural { get; init; }

    private protected override (double Sum, long Terms) OfList(ReadOnlySpan<double> scores, ReadOnlySpan<double> labels, Span<double> gradient)
    {
        int[] order = Descending(scores);
        double[] gains = Gains(labels, order);
        int k = K ?? order.Length;
        double logBase = IsNatural ? 1 : Math.Log(2), sum = 0;
        long pairs = 0;
        for (int i = 0; i < order.Length; i++)
        {
            for (int j = 0; j < order.Length; j++)
            {
                (int first, int second) = (order[i], order[j]);
                bool counts = Weighting == LambdaWeighting.NDCGLoss1 || labels[first] > labels[second];
                if (!counts || Math.Min(i, j) >= k) { continue; }
                double weight = Weight(gains, i, j) / logBase, difference = Sigma * (scores[first] - scores[second]);
                double slope = weight * Sigma * Logistic.Sigmoid(-difference);
                sum += weight * Logistic.Plus(-difference);
                gradient[first] -= slope;
                gradient[second] += slope;
                pairs++;
            }
        }
        return (sum, pairs);
    }

    // By rank.
    private double[] Gains(ReadOnlySpan<double> labels, int[] order)
    {
        double[] values = labels.ToArray();
        double best = values.OrderDescending().Take(K ?? values.Length).Select((label, rank) => Gain(label) / Discount(rank)).Sum();
        return [.. order.Select(place => Gain(values[place]) / Math.Max(best, Least))];

        static double Gain(double label) => Math.Pow(2, Math.Max(label, 0)) - 1;
    }

    // Of a rank from 0.
    private static double Discount(int rank) => Math.Log2(2 + rank);

    private double Weight(double[] gains, int i, int j)
    {
        double difference = Math.Abs(gains[i] - gains[j]);
        double byRank = Math.Abs(1 / Discount(i) - 1 / Discount(j)) * difference;
        return Weighting switch
        {
            LambdaWeighting.None => 1,
            LambdaWeighting.NDCGLoss1 => gains[i] / Discount(i),
            LambdaWeighting.NDCGLoss2 => ByDistance(),
            LambdaWeighting.LambdaRank => byRank,
            _ => Mu * ByDistance() + byRank,
        };

        double ByDistance() => i == j ? 0 : (1 / Discount(Math.Abs(i - j) - 1) - 1 / Discount(Math.Abs(i - j))) * difference;
    }
}
