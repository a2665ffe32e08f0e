using System.Numerics;

namespace MiniLM.Training.Losses.Embeddings;

/// <summary>In-batch negatives without those that a guide model finds too near (Solatorio 2024, arXiv:2402.16829).</summary>
/// <remarks>
/// Candidates of row i: a_i with each b, a_i with each a, b_i with each b, a_i with each negative. One is left out whose guide similarity is above t - margin
/// (absolute) or t - |t| margin (relative), t being the guide's similarity of (a_i, b_i); the own positive stays. Cross-entropy of cosine / temperature.
/// </remarks>
internal class GISTEmbedLoss : BiEncoderLoss
{
    internal double Temperature { get; init; } = .01;

    internal double Margin { get; init; }

    /// <summary>Whether the margin is a share of the positive's similarity.</summary>
    internal bool MarginIsRelative { get; init; }

    internal bool ContrastAnchors { get; init; } = true;

    internal bool ContrastPositives { get; init; } = true;

    internal override BiEncoderInputs Requires =>
        new("an anchor, a positive and at most one negative (CachedGISTEmbedLoss: any number)", 2, 3) { HasGuide = true };

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        UnitRows<T>[] model = Parts(batch.Columns), guide = Parts(batch.Guide);
        (int Left, int Right)[] places =
        [
            (0, 1), .. ContrastAnchors ? [(0, 0)] : Array.Empty<(int, int)>(), .. ContrastPositives ? [(1, 1)] : Array.Empty<(int, int)>(),
            .. model.Length > 2 ? [(0, 2)] : Array.Empty<(int, int)>(),
        ];
        SimilarityBlock<T>[] blocks = [.. places.Select(place => new SimilarityBlock<T>(model[place.Left], model[place.Right]))];
        T[] similarities = new T[blocks.Max(block => block.Columns)], own = new T[1];
        double loss = InBatchSoftmax.Compute(blocks, batch.Rows, 1 / Temperature, isJoint: true, (block, row, logits) =>
        {
            RowProducts.Scalar<T>(guide[0][row], guide[1][row], guide[0].Width, own);
            double positive = double.CreateTruncating(own[0]), limit = positive - (MarginIsRelative ? Math.Abs(positive) : 1) * Margin;
            (int left, int right) = places[block];
            RowProducts.Scalar<T>(guide[left][row], guide[right].Values, guide[left].Width, similarities);
            for (int i = 0; i < logits.Length; i++)
            {
                if ((block > 0 || i != row) && double.CreateTruncating(similarities[i]) > limit) { logits[i] = double.NegativeInfinity; }
            }
        });
        foreach (UnitRows<T> part in model) { part.Backward(); }
        return loss;
    }

    // Anchors, positives, and all negatives.
    private static UnitRows<T>[] Parts<T>(IReadOnlyList<Column<T>> columns) where T : IBinaryFloatingPointIeee754<T>
    {
        IEnumerable<Column<T>[]> parts = [[columns[0]], [columns[1]], [.. columns.Skip(2)]];
        return [.. parts.Where(part => part.Length > 0).Select(part => new UnitRows<T>(part, floor: PairMeasure.CosineFloor))];
    }
}
