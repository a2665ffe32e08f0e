using MiniLM.Model;

namespace MiniLM.Training.Losses.Logits;

/// <summary>Each query's positive against drawn documents of other queries and its own negatives: mean cross-entropy of scale x score.</summary>
/// <remarks>Columns of a query: its positive, the documents that <see cref="Draw"/> named, its negatives.</remarks>
internal class MultipleNegativesRankingLoss : CrossEncoderLoss
{
    internal MultipleNegativesRankingLoss() => Activation = ClassifierActivation.Sigmoid;

    internal double Scale { get; init; } = 10;

    /// <summary>Drawn for each query; null: all.</summary>
    internal int? Negatives { get; init; } = 4;

    internal override CrossEncoderInputs Requires => new(LabelKind.None) { HasNegatives = true, DrawsNegatives = true };

    // Ascending.
    internal override int[][] Draw(int queries, int columns, ulong seed, uint step)
    {
        int others = columns * (queries - 1);
        return [.. Enumerable.Range(0, queries).Select(query =>
        {
            int[] places = Sample.Draw(others, Math.Min(Negatives ?? others, others), seed, step, stream: (uint)query);
            return Array.ConvertAll(places, place => Document(place, query, queries));
        })];
    }

    // Of all documents but the query's own, in order.
    private static int Document(int place, int query, int queries)
    {
        (int column, int other) = (place / (queries - 1), place % (queries - 1));
        return column * queries + other + (other >= query ? 1 : 0);
    }

    private protected override double Value(ReadOnlySpan<double> scores, CrossEncoderTargets targets, Span<double> gradient)
    {
        int queries = scores.Length / targets.Columns;
        double[] logits = new double[targets.Columns];
        double sum = 0;
        for (int query = 0; query < queries; query++)
        {
            for (int column = 0; column < logits.Length; column++) { logits[column] = Scale * scores[column * queries + query]; }
            sum += LogSumExp.CrossEntropy(logits, 0);
            for (int column = 0; column < logits.Length; column++) { gradient[column * queries + query] = Scale * logits[column] / queries; }
        }
        return sum / queries;
    }
}
