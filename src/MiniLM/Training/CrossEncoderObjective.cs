using MiniLM.Compute;
using MiniLM.Training.Losses;

namespace MiniLM.Training;

/// <summary>A loss of the logits of pairs of texts: one a row, several beside the same query, or lists of any length.</summary>
internal sealed class CrossEncoderObjective : Objective
{
    private readonly CrossEncoderLoss _loss;

    /// <param name="network">A classifier's.</param>
    /// <param name="loss">What is made small.</param>
    /// <param name="data">A row's sequences are its query with each of its texts.</param>
    /// <param name="seed">Of dropout.</param>
    /// <param name="microBatchTokens">Most tokens computed at a time.</param>
    /// <exception cref="LossDataException">The data are not what the loss takes.</exception>
    internal CrossEncoderObjective(TrainingNetwork network, CrossEncoderLoss loss, TrainingRows data, ulong seed, int microBatchTokens = int.MaxValue)
        : base(network, loss.Name, data, seed, microBatchTokens)
    {
        bool hasLists = loss.Requires.HasLists;
        int outputs = network.Parameters.Network.OutputSize, columns = hasLists ? 1 : data.Tokens.Columns(0);
        loss.CheckColumns(outputs, columns, hasLists, data.Labels is not null);
        if (data.AllLabels() is { } labels)
        {
            loss.CheckLabels(labels, outputs, columns, hasLists ? [.. Enumerable.Range(0, data.Tokens.Count).Select(data.Tokens.Columns)] : null);
        }
        _loss = loss;
    }

    private protected override int? MiniBatchSize => _loss.MiniBatchSize;

    private protected override void Order(ReadOnlySpan<int> rows, List<BatchSequence> sequences)
    {
        if (!_loss.Requires.HasLists)
        {
            ByColumn(rows, "texts beside its query", sequences);
            if (_loss.Requires.DrawsNegatives) { sequences.InsertRange(rows.Length, Drawn(rows.Length, sequences.Count / rows.Length)); }
            return;
        }
        for (int place = 0; place < rows.Length; place++)
        {
            for (int document = 0; document < Data.Tokens.Columns(rows[place]); document++) { sequences.Add(new(place, document, place)); }
        }
    }

    // Behind the positives, column by column.
    private IEnumerable<BatchSequence> Drawn(int queries, int columns)
    {
        int[][] drawn = _loss.Draw(queries, columns, Seed, Step);
        return Enumerable.Range(0, drawn[0].Length).SelectMany(negative => drawn.Select((documents, query) =>
            new BatchSequence(query, documents[negative] / queries, documents[negative] % queries)));
    }

    private protected override double Loss(int[] rows, ReadOnlyMemory<float> outputs, Span<float> gradients)
    {
        bool hasLists = _loss.Requires.HasLists;
        CrossEncoderTargets targets = new()
        {
            Outputs = OutputSize,
            Columns = hasLists ? 1 : outputs.Length / (OutputSize * rows.Length),
            Lists = hasLists ? Array.ConvertAll(rows, Data.Tokens.Columns) : null,
            Labels = Data.LabelsOf(rows),
        };
        return _loss.Compute(outputs.Span, targets, gradients);
    }
}
