using MiniLM.Compute;
using MiniLM.Training.Losses;

namespace MiniLM.Training;

/// <summary>A loss of the embeddings of columns of texts.</summary>
internal sealed class BiEncoderObjective : Objective
{
    private readonly BiEncoderLoss _loss;
    private readonly LossMatrices? _matrices;
    private Column<float>[] _parameters = [];

    /// <param name="network">A bi-encoder's.</param>
    /// <param name="loss">Of its embeddings.</param>
    /// <param name="data">Rows of as many texts as the loss takes.</param>
    /// <param name="seed">Of dropout.</param>
    /// <param name="matrices">What the loss trains beside the model; null: nothing.</param>
    /// <param name="microBatchTokens">Most tokens computed at a time.</param>
    /// <exception cref="LossDataException">The data are not what the loss takes.</exception>
    internal BiEncoderObjective(TrainingNetwork network, BiEncoderLoss loss, TrainingRows data, ulong seed, LossMatrices? matrices = null,
        int microBatchTokens = int.MaxValue) : base(network, loss.Name, data, seed, microBatchTokens)
    {
        loss.CheckColumns(data.Tokens.Columns(0), data.Labels is not null);
        loss.CheckLabels(data.AllLabels(), data.Tokens.Columns(0), network.Parameters.Network.OutputSize);
        (_loss, _matrices) = (loss, matrices);
    }

    private protected override int? MiniBatchSize => _loss.MiniBatchSize;

    private protected override void Order(ReadOnlySpan<int> rows, List<BatchSequence> sequences) => ByColumn(rows, "texts", sequences);

    private protected override double Loss(int[] rows, ReadOnlyMemory<float> outputs, Span<float> gradients)
    {
        int size = OutputSize, columnValues = rows.Length * size;
        Column<float>[] columns = [.. Enumerable.Range(0, outputs.Length / columnValues)
            .Select(column => new Column<float>(outputs.Slice(column * columnValues, columnValues), size))];
        _parameters = _matrices?.Columns() ?? [];
        double loss = _loss.Compute(
            new BiEncoderBatch<float>(columns)
            {
                Labels = Data.LabelsOf(rows),
                Texts = Data.TextsOf(rows),
                Parameters = _parameters,
                Dimensions = _loss.Draw(Seed, Step),
            });
        for (int column = 0; column < columns.Length; column++) { columns[column].Gradient.CopyTo(gradients[(column * columnValues)..]); }
        return loss;
    }

    private protected override void AddOwnGradients(double weight) => _matrices?.AddGradients(_parameters, weight);

    internal override void StepOwn(StepOptions options, bool isTaken) => _matrices?.Step(options, isTaken);
}
