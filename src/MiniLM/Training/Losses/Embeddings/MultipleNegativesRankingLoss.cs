namespace MiniLM.Training.Losses.Embeddings;

/// <summary>Whose similarities stand in the softmax; a document is a positive or a negative of any row.</summary>
[Flags]
internal enum Directions
{
    /// <summary>The row's query with every document.</summary>
    QueryToDoc = 1,

    /// <summary>The row's query with the other queries.</summary>
    QueryToQuery = 2,

    /// <summary>The row's positive with every query.</summary>
    DocToQuery = 4,

    /// <summary>The row's positive with the documents of other rows.</summary>
    DocToDoc = 8,
}

/// <summary>Which negatives get a penalty that grows with their similarity.</summary>
internal enum HardnessMode
{
    /// <summary>None.</summary>
    None,

    /// <summary>Documents of other rows (Lan et al. 2025, arXiv:2503.04812).</summary>
    InBatchNegatives,

    /// <summary>The row's own negatives (Schechter Vera et al. 2025, arXiv:2509.20354).</summary>
    HardNegatives,

    /// <summary>All but the row's positive.</summary>
    AllNegatives,
}

/// <summary>In-batch negatives (InfoNCE): a query should be nearer to its positive than to all other documents of its batch.</summary>
/// <remarks>
/// Henderson et al. 2017, arXiv:1705.00652. Mean over rows of log sum exp(scale x similarity) - scale x s(query, positive), the sum over the candidates of all
/// directions, or a term for each direction. Hardness adds strength x similarity, as a constant, to logits from query to document.
/// </remarks>
internal class MultipleNegativesRankingLoss : BiEncoderLoss
{
    internal double Scale { get; init; } = 20;

    internal Similarity Similarity { get; init; } = Similarity.Cosine;

    internal Directions Directions { get; init; } = Directions.QueryToDoc;

    /// <summary>A softmax for each direction; only for those whose candidates include the row's own.</summary>
    internal bool PerDirection { get; init; }

    internal HardnessMode HardnessMode { get; init; }

    internal double HardnessStrength { get; init; }

    internal override BiEncoderInputs Requires => new(BiEncoderInputs.Tuples, 2, BiEncoderInputs.Any) { MasksEqualTexts = true };

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        if (!Directions.HasFlag(Directions.QueryToDoc) || (PerDirection && (Directions & (Directions.QueryToQuery | Directions.DocToDoc)) != 0))
        {
            throw new ArgumentException($"{Name}: {Directions} do not go together; QueryToDoc is always one, and PerDirection allows DocToQuery beside it.");
        }
        UnitRows<T> queries = new([batch.Columns[0]], Similarity), documents = new([.. batch.Columns.Skip(1)], Similarity);
        Directions[] directions = [.. Enum.GetValues<Directions>().Where(direction => Directions.HasFlag(direction))];
        SimilarityBlock<T>[] blocks = [.. directions.Select(direction => direction switch
        {
            Directions.QueryToDoc => new SimilarityBlock<T>(queries, documents),
            Directions.QueryToQuery => new SimilarityBlock<T>(queries, queries),
            Directions.DocToQuery => new SimilarityBlock<T>(documents, queries),
            _ => new SimilarityBlock<T>(documents, documents),
        })];
        EqualTexts? equal = batch.Texts is { } texts ? new EqualTexts(texts) : null;
        double loss = InBatchSoftmax.Compute(blocks, batch.Rows, Scale, !PerDirection, (block, row, logits) =>
        {
            if (directions[block] == Directions.QueryToDoc) { Harden(row, batch.Rows, logits); }
            Exclude(directions[block], row, batch.Rows, logits);
            equal?.Exclude(row, isQuery: directions[block] is Directions.QueryToQuery or Directions.DocToQuery, logits);
        });
        queries.Backward();
        documents.Backward();
        return loss;
    }

    private void Harden(int row, int rows, Span<double> logits)
    {
        if (HardnessMode == HardnessMode.None) { return; }
        for (int i = 0; i < logits.Length; i++)
        {
            bool isOwn = i % rows == row, isHardened = HardnessMode switch
            {
                HardnessMode.InBatchNegatives => !isOwn,
                HardnessMode.HardNegatives => isOwn && i != row,
                _ => i != row,
            };
            if (isHardened) { logits[i] += HardnessStrength / Scale * logits[i]; }
        }
    }

    private static void Exclude(Directions direction, int row, int rows, Span<double> logits)
    {
        if (direction is not (Directions.QueryToQuery or Directions.DocToDoc)) { return; }
        for (int i = row; i < logits.Length; i += rows) { logits[i] = double.NegativeInfinity; }
    }

    // A candidate with the text of the row's query or positive is no negative.
    private sealed class EqualTexts(int[][] texts)
    {
        private readonly int[] _documents = [.. texts.Skip(1).SelectMany(column => column)];

        internal void Exclude(int row, bool isQuery, Span<double> logits)
        {
            ReadOnlySpan<int> candidates = isQuery ? texts[0] : _documents;
            for (int i = 0; i < logits.Length; i++)
            {
                if (i != row && (candidates[i] == texts[0][row] || candidates[i] == texts[1][row])) { logits[i] = double.NegativeInfinity; }
            }
        }
    }
}
