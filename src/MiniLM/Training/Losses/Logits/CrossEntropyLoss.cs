namespace MiniLM.Training.Losses.Logits;

/// <summary>Mean over rows of -log softmax(logits)[label].</summary>
/// <remarks>
/// With smoothing e the target is 1 - e at the label plus e / outputs everywhere (Szegedy et al. 2016, arXiv:1512.00567). Rows labelled -100 do not count; a
/// batch of nothing else has loss 0.
/// </remarks>
internal sealed class CrossEntropyLoss : CrossEncoderLoss
{
    /// <summary>The label of a row that does not count.</summary>
    internal const int Ignored = -100;

    internal double LabelSmoothing { get; init; }

    internal override CrossEncoderInputs Requires => new(LabelKind.Class) { HasManyOutputs = true };

    internal override void CheckLabels(Labels labels, int outputs, int columns = 1, IReadOnlyList<int>? lists = null)
    {
        LossDataException.ThrowIf(outputs < 2, $"{Name} takes a model with two outputs or more: give num_labels, the number of "
            + "classes, to an encoder without a head; one output goes to BinaryCrossEntropyLoss.");
        // A row that does not count keeps its place, as one of a class that every model has.
        Labels classes = new([.. labels.Values.Select(label => label == Ignored ? 0 : label)]);
        classes.Check(Name, LabelKind.Class);
        int row = Array.FindIndex(classes.Values, label => label >= outputs);
        if (row < 0) { return; }
        throw new LossDataException(
            $"label {classes.Values[row]} of row {row + 1}: the model has {outputs} outputs, 0 to {outputs - 1}; give it one for each class.");
    }

    private protected override double Value(ReadOnlySpan<double> scores, CrossEncoderTargets targets, Span<double> gradient)
    {
        int outputs = targets.Outputs, counted = targets.Labels!.Values.Count(label => label != Ignored);
        double sum = 0;
        for (int row = 0; row < targets.Labels.Rows; row++)
        {
            int label = (int)targets.Labels.Values[row];
            if (label == Ignored) { continue; }
            ReadOnlySpan<double> logits = scores.Slice(row * outputs, outputs);
            Span<double> slopes = gradient.Slice(row * outputs, outputs);
            logits.CopyTo(slopes);
            double atLabel = LogSumExp.CrossEntropy(slopes, label), even = 0; // even: mean of logit_label - logit
            foreach (double logit in logits) { even += (logits[label] - logit) / outputs; }
            sum += atLabel + LabelSmoothing * even;
            slopes[label] += LabelSmoothing;
            foreach (ref double slope in slopes) { slope = (slope - LabelSmoothing / outputs) / counted; }
        }
        return counted == 0 ? 0 : sum / counted;
    }
}
