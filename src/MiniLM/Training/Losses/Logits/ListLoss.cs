namespace MiniLM.Training.Losses.Logits;

/// <summary>A loss over lists of documents: a sum over lists, divided by the number of what is summed.</summary>
internal abstract class ListLoss : CrossEncoderLoss
{
    internal override CrossEncoderInputs Requires => new(LabelKind.Number) { HasLists = true };

    private protected override double Value(ReadOnlySpan<double> scores, CrossEncoderTargets targets, Span<double> gradient)
    {
        ReadOnlySpan<double> labels = targets.Labels is { } given ? given.Values : [];
        double sum = 0, count = 0;
        int start = 0;
        foreach (int length in targets.Lists!)
        {
            ReadOnlySpan<double> ofDocuments = labels.IsEmpty ? labels : labels.Slice(start, length);
            (double ofList, long terms) = OfList(scores.Slice(start, length), ofDocuments, gradient.Slice(start, length));
            sum += ofList;
            count += terms;
            start += length;
        }
        if (count == 0) { return 0; }
        foreach (ref double slope in gradient) { slope /= count; }
        return sum / count;
    }

    /// <summary>Gives the sum over a list and how many terms it has, and writes the sum's gradient, which is 0 before.</summary>
    private protected abstract (double Sum, long Terms) OfList(ReadOnlySpan<double> scores, ReadOnlySpan<double> labels, Span<double> gradient);

    /// <summary>Places of a list, the highest value first; equal ones in their order.</summary>
    private protected static int[] Descending(ReadOnlySpan<double> values)
    {
        double[] copy = values.ToArray();
        return [.. Enumerable.Range(0, copy.Length).OrderByDescending(i => copy[i])];
    }
}
