namespace MiniLM.Training.Losses.Embeddings;

/// <summary>Mean over all rows of max(0, hardest positive - hardest negative + margin).</summary>
/// <remarks>
/// The largest distance within the class, 0 for a row without another of its class, and the smallest to another class; a row without another class has its
/// own largest distance in place of it.
/// </remarks>
internal class BatchHardTripletLoss : BatchTripletLoss
{
    internal double Margin { get; init; } = 5;

    /// <summary>Gives the loss of a difference of distances, and its slope.</summary>
    private protected virtual (double Loss, double Slope) Penalty(double difference) =>
        difference + Margin > 0 ? (difference + Margin, 1) : (0, 0);

    private protected override double Value(double[,] distances, double[] classes, double[,] gradient)
    {
        int rows = classes.Length;
        double sum = 0;
        for (int anchor = 0; anchor < rows; anchor++)
        {
            int positive = anchor, negative = -1, farthest = anchor; // the row itself has the distance 0 and no gradient
            for (int i = 0; i < rows; i++)
            {
                double distance = distances[anchor, i];
                if (distance > distances[anchor, farthest]) { farthest = i; }
                if (classes[i] != classes[anchor]) { negative = negative < 0 || distance < distances[anchor, negative] ? i : negative; }
                else if (distance > distances[anchor, positive]) { positive = i; }
            }
            if (negative < 0) { negative = farthest; }
            (double loss, double slope) = Penalty(distances[anchor, positive] - distances[anchor, negative]);
            sum += loss / rows;
            gradient[anchor, positive] += slope / rows;
            gradient[anchor, negative] -= slope / rows;
        }
        return sum;
    }
}
