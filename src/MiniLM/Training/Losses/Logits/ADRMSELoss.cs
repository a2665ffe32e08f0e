namespace MiniLM.Training.Losses.Logits;

/// <summary>Squared error of approximate ranks, discounted (Buyl et al. 2023, "RankFormer"): mean over all documents of (r - p)^2 / log2(r + 1).</summary>
/// <remarks>r = 1 + number of higher labels + half the number of other equal ones; p_i = 1 + sum over others of sigmoid(alpha (s_j - s_i)).</remarks>
internal sealed class ADRMSELoss : ListLoss
{
    internal double Alpha { get; init; } = 1;

    private protected override (double Sum, long Terms) OfList(ReadOnlySpan<double> scores, ReadOnlySpan<double> labels, Span<double> gradient)
    {
        double sum = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            double rank = 1, approximate = 1;
            for (int j = 0; j < scores.Length; j++)
            {
                if (j == i) { continue; }
                rank += labels[j] > labels[i] ? 1 : labels[j] == labels[i] ? .5 : 0;
                approximate += Logistic.Sigmoid(Alpha * (scores[j] - scores[i]));
            }
            double error = rank - approximate, discount = Math.Log2(rank + 1);
            sum += error * error / discount;
            for (int j = 0; j < scores.Length; j++)
            {
                if (j == i) { continue; }
                double share = Logistic.Sigmoid(Alpha * (scores[j] - scores[i])), slope = -2 * error / discount * Alpha * share * (1 - share);
                gradient[j] += slope;
                gradient[i] -= slope;
            }
        }
        return (sum, scores.Length);
    }
}
