namespace MiniLM.Training.Losses.Embeddings;

/// <summary>Mean of max(0, d(a, p) - d(a, n) + margin) over the triplets of a batch where it is not 0; 0 where there is none.</summary>
internal sealed class BatchAllTripletLoss : BatchTripletLoss
{
    // Below it a triplet is not active.
    private const double Least = 1e-16;

    internal double Margin { get; init; } = 5;

    private protected override double Value(double[,] distances, double[] classes, double[,] gradient)
    {
        int rows = classes.Length;
        long active = 0;
        double sum = 0;
        for (int anchor = 0; anchor < rows; anchor++)
        {
            for (int positive = 0; positive < rows; positive++)
            {
                if (positive == anchor || classes[positive] != classes[anchor]) { continue; }
                for (int negative = 0; negative < rows; negative++)
                {
                    double error = distances[anchor, positive] - distances[anchor, negative] + Margin;
                    if (classes[negative] == classes[anchor] || error <= Least) { continue; }
                    sum += error;
                    active++;
                    gradient[anchor, positive]++;
                    gradient[anchor, negative]--;
                }
            }
        }
        if (active == 0) { return 0; }
        for (int i = 0; i < rows; i++) { for (int j = 0; j < rows; j++) { gradient[i, j] /= active; } }
        return sum / active;
    }
}
