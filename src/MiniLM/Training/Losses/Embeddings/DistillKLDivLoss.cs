namespace MiniLM.Training.Losses.Embeddings;

/// <summary>A teacher's distribution over a query's candidates: T_s^2 KL(p || q), mean over rows (Lin et al. 2020, arXiv:2010.11386).</summary>
/// <remarks>p = softmax(labels / T_t), q = softmax(similarities / T_s) over positive and negatives; 0 log 0 = 0.</remarks>
internal sealed class DistillKLDivLoss : BiEncoderLoss
{
    internal Measure Similarity { get; init; } = Measure.Dot;

    internal double StudentTemperature { get; init; } = 1;

    internal double TeacherTemperature { get; init; } = 1;

    internal override BiEncoderInputs Requires =>
        new("a query, a positive and negatives", 3, BiEncoderInputs.Any, LabelKind.Number) { HasManyLabels = true };

    internal override void CheckLabels(Labels? labels, int columns, int width)
    {
        base.CheckLabels(labels, columns, width);
        LossDataException.ThrowIf(labels!.Width != columns - 1, $"{Name} takes {columns - 1} scores a row for {columns - 1} candidates, not {labels.Width}.");
    }

    private protected override double Value<T>(BiEncoderBatch<T> batch)
    {
        PairMeasure measure = PairMeasure.Exact(Similarity);
        int rows = batch.Rows, candidates = batch.Columns.Count - 1;
        Column<T> query = batch.Columns[0];
        double[][] scores = [.. batch.Columns.Skip(1).Select(column => measure.Forward(query, column))];
        double[][] gradients = [.. scores.Select(_ => new double[rows])];
        double[] teacher = new double[candidates], student = new double[candidates], shares = new double[candidates];
        double sum = 0;
        for (int row = 0; row < rows; row++)
        {
            for (int i = 0; i < candidates; i++)
            {
                (shares[i], teacher[i]) = (batch.Labels![row][i] / TeacherTemperature, batch.Labels[row][i] / TeacherTemperature);
                student[i] = scores[i][row] / StudentTemperature;
            }
            double[] logits = [.. student];
            double teacherSum = LogSumExp.Shares(shares), studentSum = LogSumExp.Shares(student);
            for (int i = 0; i < candidates; i++)
            {
                if (shares[i] > 0) { sum += shares[i] * (teacher[i] - teacherSum - (logits[i] - studentSum)); }
                gradients[i][row] = (student[i] - shares[i]) * StudentTemperature / rows;
            }
        }
        for (int i = 0; i < candidates; i++) { measure.Backward(query, batch.Columns[1 + i], scores[i], gradients[i]); }
        return sum * StudentTemperature * StudentTemperature / rows;
    }
}
