namespace MiniLM.Training.Losses;

/// <summary>The labels of a batch.</summary>
/// <param name="Values">[rows, width].</param>
/// <param name="Width">Labels of a row.</param>
internal sealed record Labels(double[] Values, int Width = 1)
{
    internal int Rows => Values.Length / Width;

    internal ReadOnlySpan<double> this[int row] => Values.AsSpan(row * Width, Width);

    /// <summary>Refuses values that are not of a kind.</summary>
    /// <exception cref="LossDataException">One line that names the row, the value and the remedy.</exception>
    internal void Check(string loss, LabelKind kind)
    {
        for (int i = 0; i < Values.Length; i++)
        {
            double value = Values[i];
            (bool isTaken, string remedy) = kind switch
            {
                LabelKind.Binary => (value is 0 or 1, "it takes 1 (the same) and 0 (not the same): write -1 as 0, and grades as 0 or 1 by a threshold"),
                LabelKind.Probability => (value is >= 0 and <= 1, "it takes 0 to 1: write -1 as 0, and divide grades by the highest"),
                LabelKind.Cosine => (value is >= -1 and <= 1, "it takes cosines, -1 to 1: divide grades by the highest"),
                LabelKind.Class => (value >= 0 && double.IsInteger(value) && value <= int.MaxValue, "it takes the numbers of classes, 0, 1, 2 ..."),
                _ => (double.IsFinite(value), "it takes finite numbers"),
            };
            if (!isTaken)
            {
                throw new LossDataException(FormattableString.Invariant($"label {value} of row {i / Width + 1}: {loss} does not take it; {remedy}."));
            }
        }
    }
}
