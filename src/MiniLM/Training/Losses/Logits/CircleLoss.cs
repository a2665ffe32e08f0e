using MiniLM.Model;

namespace MiniLM.Training.Losses.Logits;

/// <summary>Circle loss of lists (Sun et al. 2020, arXiv:2002.10857; ListConRanker): mean over lists of log(1 + exp(x)) on scores sigmoid(logit).</summary>
/// <remarks>
/// x = log sum_j exp(gamma [s_nj + m]+ (s_nj - m)) + log sum_i exp(-gamma [1 + m - s_pi]+ (s_pi - 1 + m)), n negatives, p positives. A list without one of them
/// has loss 0.
/// </remarks>
internal sealed class CircleLoss : ListLoss
{
    internal CircleLoss() => Activation = ClassifierActivation.Sigmoid;

    /// <summary>How sharp. ListConRanker does not tell its own.</summary>
    internal double Gamma { get; init; } = 10;

    /// <summary>m, of which the paper of Circle loss has .25.</summary>
    internal double Margin { get; init; } = .25;

    /// <summary>Brackets are constants, as in the paper; else they are differentiated.</summary>
    internal bool IsDetached { get; init; } = true;

    internal override CrossEncoderInputs Requires => base.Requires with { Labels = LabelKind.Binary };

    private protected override (double Sum, long Terms) OfList(ReadOnlySpan<double> scores, ReadOnlySpan<double> labels, Span<double> gradient)
    {
        (double positives, double[] positiveSlopes) = LogSum(scores, labels, ofPositives: true);
        (double negatives, double[] negativeSlopes) = LogSum(scores, labels, ofPositives: false);
        if (double.IsNegativeInfinity(positives) || double.IsNegativeInfinity(negatives)) { return (0, 1); }
        (double loss, double slope) = Logistic.TorchPlus(positives + negatives);
        for (int i = 0; i < scores.Length; i++) { gradient[i] = slope * (positiveSlopes[i] + negativeSlopes[i]); }
        return (loss, 1);
    }

    // A positive's term is that of a negative at 1 - s, with the gradient's sign turned.
    private (double LogSum, double[] Slopes) LogSum(ReadOnlySpan<double> scores, ReadOnlySpan<double> labels, bool ofPositives)
    {
        double[] terms = new double[scores.Length], slopes = new double[scores.Length];
        for (int i = 0; i < terms.Length; i++)
        {
            double s = ofPositives ? 1 - scores[i] : scores[i], weight = Math.Max(0, s + Margin);
            bool isTerm = labels[i] == 1 == ofPositives;
            terms[i] = isTerm ? Gamma * weight * (s - Margin) : double.NegativeInfinity;
            slopes[i] = (ofPositives ? -Gamma : Gamma) * (IsDetached || weight == 0 ? weight : weight + s - Margin);
        }
        double sum = LogSumExp.Shares(terms);
        for (int i = 0; i < terms.Length; i++) { slopes[i] *= terms[i]; }
        return (sum, slopes);
    }
}
