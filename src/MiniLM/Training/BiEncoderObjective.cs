using MiniLM.Compute;
using MiniLM.Training.Losses;

namespace MiniLM.Training;

/// <summary>A loss of the embeddings of columns of texts.</summary>
internal sealed class BiEncoderObjective : Objective
{
    private readonly BiEncoderLoss _loss;
    private readonly TrainingRows _data;

    /// <param name="network">A bi-encoder's.</param>
    /// <param name="loss">Without matrices of its own.</param>
    /// <param name="data">Rows of as many texts as the loss takes.</param>
    /// <param name="seed">Of dropout.</param>
    /// <exception cref="LossDataException">The data are not what the loss takes.</exception>
    internal BiEncoderObjective(TrainingNetwork network, BiEncoderLoss loss, TrainingRows data, ulong seed) : base(network, data.Tokens, seed)
    {
        LossDataException.ThrowIf(data.Tokens.Count == 0, $"{loss.Name}: there are no rows to train on.");
        loss.CheckColumns(data.Tokens.Columns(0), data.Labels is not null);
        LossDataException.ThrowIf(loss.Parameters(network.Parameters.Network.OutputSize).Count > 0,
            $"{loss.Name} trains a matrix of its own, which is not there yet.");
        (_loss, _data) = (loss, data);
    }

    private protected override int? MiniBatchSize => _loss.MiniBatchSize;

    private protected override void Order(ReadOnlySpan<int> rows, List<(int Place, int Column)> sequences)
    {
        int columns = _data.Tokens.Columns(rows[0]);
        foreach (int row in rows)
        {
            int found = _data.Tokens.Columns(row);
            LossDataException.ThrowIf(found != columns, $"{_loss.Name}: row {row + 1} has {found} texts, others of its batch {columns}.");
        }
        ByColumn(rows.Length, columns, sequences);
    }

    private protected override double Loss(int[] rows, ReadOnlyMemory<float> outputs, Span<float> gradients)
    {
        int size = OutputSize, columnValues = rows.Length * size;
        Column<float>[] columns = [.. Enumerable.Range(0, outputs.Length / columnValues)
            .Select(column => new Column<float>(outputs.Slice(column * columnValues, columnValues), size))];
        double loss = _loss.Compute(new BiEncoderBatch<float>(columns) { Labels = _data.LabelsOf(rows), Texts = _data.TextsOf(rows) });
        for (int column = 0; column < columns.Length; column++) { columns[column].Gradient.CopyTo(gradients[(column * columnValues)..]); }
        return loss;
    }
}
