using System.Numerics;

namespace MiniLM.Training.Losses;

/// <summary>What a bi-encoder's loss is computed from.</summary>
/// <param name="Columns">The embeddings of each column of texts, [rows, width] each; not divided by their norms.</param>
internal sealed record BiEncoderBatch<T>(IReadOnlyList<Column<T>> Columns) where T : IBinaryFloatingPointIeee754<T>
{
    internal Labels? Labels { get; init; }

    /// <summary>The guide's embeddings of the same texts, for GISTEmbedLoss.</summary>
    internal IReadOnlyList<Column<T>> Guide { get; init; } = [];

    /// <summary>What <see cref="BiEncoderLoss.Parameters"/> names, in its order.</summary>
    internal IReadOnlyList<Column<T>> Parameters { get; init; } = [];

    /// <summary>
    /// For each column the number of each row's text, the same for equal texts: a candidate equal to the row's query or positive is then no negative. Null:
    /// it counts as one, as in sentence-transformers.
    /// </summary>
    internal int[][]? Texts { get; init; }

    /// <summary>The dimensions that MatryoshkaLoss takes in this step; null: all.</summary>
    internal int[]? Dimensions { get; init; }

    internal int Rows => Columns[0].Rows;

    internal int Width => Columns[0].Width;
}
