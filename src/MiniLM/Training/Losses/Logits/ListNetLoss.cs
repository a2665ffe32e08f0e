namespace MiniLM.Training.Losses.Logits;

/// <summary>Mean over lists of the cross-entropy of softmax(scores) against softmax(labels) (Cao et al. 2007).</summary>
internal sealed class ListNetLoss : ListLoss
{
    private protected override (double Sum, long Terms) OfList(ReadOnlySpan<double> scores, ReadOnlySpan<double> labels, Span<double> gradient)
    {
        double[] targets = labels.ToArray();
        LogSumExp.Shares(targets);
        scores.CopyTo(gradient);
        double logSum = LogSumExp.Shares(gradient), sum = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            sum += targets[i] * (logSum - scores[i]);
            gradient[i] -= targets[i];
        }
        return (sum, 1);
    }
}
