namespace MiniLM.Training.Losses.Logits;

/// <summary>Likelihood of the right order, its head weighing most (Lan et al. 2014).</summary>
/// <remarks>Mean over lists of -sum_i w_i (s_i - log sum_(j from i) exp(s_j)). w_i = 2^(n - i) - 1 over their sum + 1e-10, i from 1.</remarks>
internal class PListMLELoss : ListLoss
{
    // Added to the sum of weights, which is 0 for a list of one document.
    private const double Least = 1e-10;

    /// <summary>Whether the documents are given in the right order; else labels make it.</summary>
    internal bool RespectInputOrder { get; init; } = true;

    /// <summary>Whether places have weights; else all have 1.</summary>
    internal bool HasWeights { get; init; } = true;

    internal override CrossEncoderInputs Requires => base.Requires with { LabelsAreOptional = RespectInputOrder };

    internal override void CheckLabels(Labels labels, int outputs, int columns = 1, IReadOnlyList<int>? lists = null)
    {
        base.CheckLabels(labels, outputs, columns, lists);
        if (!RespectInputOrder) { return; }
        for (int list = 0, first = 0; list < lists!.Count; first += lists[list++])
        {
            for (int i = first + 1; i < first + lists[list]; i++)
            {
                LossDataException.ThrowIf(labels.Values[i] > labels.Values[i - 1],
                    FormattableString.Invariant($"list {list + 1} has label {labels.Values[i]} after {labels.Values[i - 1]}: {Name} takes documents in the ")
                    + "right order, the best first. Sort them, or give respect_input_order=false.");
            }
        }
    }

    private protected override (double Sum, long Terms) OfList(ReadOnlySpan<double> scores, ReadOnlySpan<double> labels, Span<double> gradient)
    {
        int count = scores.Length;
        int[] order = RespectInputOrder ? [.. Enumerable.Range(0, count)] : Descending(labels);
        double[] weights = [.. order.Select((_, i) => HasWeights ? Math.ScaleB(1, count - 1 - i) - 1 : 1)];
        if (HasWeights) { Normalize(weights); }
        double sum = 0;
        double[] tail = new double[count];
        for (int i = 0; i < count; i++)
        {
            Span<double> rest = tail.AsSpan(i);
            for (int j = i; j < count; j++) { tail[j] = scores[order[j]]; }
            sum += weights[i] * LogSumExp.CrossEntropy(rest, 0);
            for (int j = i; j < count; j++) { gradient[order[j]] += weights[i] * tail[j]; }
        }
        return (sum, 1);
    }

    private static void Normalize(double[] weights)
    {
        double sum = weights.Sum() + Least;
        foreach (ref double weight in weights.AsSpan()) { weight /= sum; }
    }
}
