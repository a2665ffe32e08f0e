namespace MiniLM.Ranking;

/// <summary>The non-decreasing function of least squared error, by pool adjacent violators (Ayer et al. 1955); between its points straight lines, and
/// its ends beyond them, as scikit-learn's IsotonicRegression(out_of_bounds="clip").</summary>
/// <param name="X">Raw scores, increasing.</param>
/// <param name="Y">Their values, non-decreasing.</param>
internal sealed record IsotonicCalibration(double[] X, double[] Y) : Calibration
{
    internal override string Method => "isotonic";

    internal override IEnumerable<(string Name, double[] Values)> Parameters => [("x", X), ("y", Y)];

    internal override double Apply(double raw)
    {
        int at = Array.BinarySearch(X, raw);
        if (at >= 0) { return Y[at]; }
        int above = ~at;
        if (above == 0) { return Y[0]; }
        if (above == X.Length) { return Y[^1]; }
        return Y[above - 1] + (Y[above] - Y[above - 1]) / (X[above] - X[above - 1]) * (raw - X[above - 1]);
    }

    internal static IsotonicCalibration Fit(double[] raw, bool[] labels)
    {
        // Rows of one score are one point, with their mean and their number as its weight.
        (double Score, double Positives, int Count)[] points = [.. raw.Zip(labels).GroupBy(row => row.First).OrderBy(group => group.Key)
            .Select(group => (group.Key, (double)group.Count(row => row.Second), group.Count()))];
        List<(double Positives, int Count, int Points)> blocks = [];
        foreach ((_, double positives, int count) in points)
        {
            (double Positives, int Count, int Points) block = (positives, count, 1);
            while (blocks.Count > 0 && blocks[^1].Positives * block.Count >= block.Positives * blocks[^1].Count)
            {
                (double before, int rows, int merged) = blocks[^1];
                block = (before + block.Positives, rows + block.Count, merged + block.Points);
                blocks.RemoveAt(blocks.Count - 1);
            }
            blocks.Add(block);
        }
        List<double> x = [], y = [];
        int first = 0;
        foreach ((double positives, int count, int merged) in blocks)
        {
            // Of equal values only both ends matter.
            for (int i = first; i < first + merged; i += Math.Max(1, merged - 1))
            {
                x.Add(points[i].Score);
                y.Add(positives / count);
            }
            first += merged;
        }
        return new IsotonicCalibration([.. x], [.. y]);
    }
}
