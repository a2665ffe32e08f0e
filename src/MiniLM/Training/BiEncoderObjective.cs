using MiniLM.Compute;
using MiniLM.Training.Losses;

namespace MiniLM.Training;

/// <summary>A loss of the embeddings of columns of texts.</summary>
internal sealed class BiEncoderObjective : Objective
{
    private readonly BiEncoderLoss _loss;

    /// <param name="network">A bi-encoder's.</param>
    /// <param name="loss">Without matrices of its own.</param>
    /// <param name="data">Rows of as many texts as the loss takes.</param>
    /// <param name="seed">Of dropout.</param>
    /// <exception cref="LossDataException">The data are not what the loss takes.</exception>
    internal BiEncoderObjective(TrainingNetwork network, BiEncoderLoss loss, TrainingRows data, ulong seed) : base(network, loss.Name, data, seed)
    {
        loss.CheckColumns(data.Tokens.Columns(0), data.Labels is not null);
        LossDataException.ThrowIf(loss.Parameters(network.Parameters.Network.OutputSize).Count > 0,
            $"{loss.Name} trains a matrix of its own, which is not there yet.");
        if (data.AllLabels() is { } labels) { loss.CheckLabels(labels); }
        _loss = loss;
    }

    private protected override int? MiniBatchSize => _loss.MiniBatchSize;

    private protected override void Order(ReadOnlySpan<int> rows, List<(int Place, int Column)> sequences) => ByColumn(rows, "texts", sequences);

    private protected override double Loss(int[] rows, ReadOnlyMemory<float> outputs, Span<float> gradients)
    {
        int size = OutputSize, columnValues = rows.Length * size;
        Column<float>[] columns = [.. Enumerable.Range(0, outputs.Length / columnValues)
            .Select(column => new Column<float>(outputs.Slice(column * columnValues, columnValues), size))];
        double loss = _loss.Compute(new BiEncoderBatch<float>(columns) { Labels = Data.LabelsOf(rows), Texts = Data.TextsOf(rows) });
        for (int column = 0; column < columns.Length; column++) { columns[column].Gradient.CopyTo(gradients[(column * columnValues)..]); }
        return loss;
    }
}
