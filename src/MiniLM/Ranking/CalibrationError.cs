namespace MiniLM.Ranking;

/// <summary>How far probabilities are from what happens: a reliability table of ten bins of equal width, and its expected calibration error.</summary>
internal static class CalibrationError
{
    private const int Bins = 10;

    /// <summary>Rows whose probability is above Low, up to High; the first bin holds 0 too.</summary>
    /// <param name="Low">Lower edge.</param>
    /// <param name="High">Upper edge.</param>
    /// <param name="Rows">Number of rows.</param>
    /// <param name="MeanProbability">NaN without rows.</param>
    /// <param name="PositiveShare">NaN without rows.</param>
    internal readonly record struct Bin(double Low, double High, int Rows, double MeanProbability, double PositiveShare);

    /// <summary>The bins, lowest first, empty ones included; edges belong to the bin below, as in scikit-learn's calibration_curve.</summary>
    internal static Bin[] Reliability(double[] probabilities, bool[] labels)
    {
        (int Rows, double Sum, int Positives)[] counts = new (int, double, int)[Bins];
        for (int i = 0; i < labels.Length; i++)
        {
            int bin = 0;
            while (bin < Bins - 1 && probabilities[i] > Edge(bin + 1)) { bin++; }
            counts[bin] = (counts[bin].Rows + 1, counts[bin].Sum + probabilities[i], counts[bin].Positives + (labels[i] ? 1 : 0));
        }
        return [.. counts.Select((count, bin) =>
            new Bin(Edge(bin), Edge(bin + 1), count.Rows, count.Sum / count.Rows, (double)count.Positives / count.Rows))];
    }

    /// <summary>Sum over bins of |mean probability - share of positives|, weighted by rows (Naeini et al. 2015).</summary>
    internal static double Expected(Bin[] bins) =>
        bins.Where(bin => bin.Rows > 0).Sum(bin => bin.Rows * Math.Abs(bin.MeanProbability - bin.PositiveShare)) / bins.Sum(bin => bin.Rows);

    // numpy.linspace(0, 1, 11).
    private static double Edge(int bin) => bin == Bins ? 1 : bin * 0.1;
}
