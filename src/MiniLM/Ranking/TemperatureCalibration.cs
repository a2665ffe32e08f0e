namespace MiniLM.Ranking;

/// <summary>The sigmoid of raw / T (Guo et al. 2017, arXiv:1706.04599): probabilities become less or more sure, and 1/2 stays where it is.</summary>
/// <param name="Temperature">T, e^-10 to e^10.</param>
internal sealed record TemperatureCalibration(double Temperature) : Calibration
{
    private const double Range = 10; // scikit-learn's bounds of ln T: scores that separate the labels would have T = 0

    internal override string Method => "temperature";

    internal override IEnumerable<(string Name, double[] Values)> Parameters => [("temperature", [Temperature])];

    /// <summary>Whether the best temperature lies at an end of the range, or beyond.</summary>
    internal bool IsAtBound => Math.Abs(Math.Log(Temperature)) > Range - 1e-6;

    internal override double Apply(double raw) => Sigmoid(raw / Temperature);

    /// <summary>Least negative log-likelihood: it is convex in 1 / T, so the zero of its derivative is halved for.</summary>
    internal static TemperatureCalibration Fit(double[] raw, bool[] labels, CancellationToken cancellation = default)
    {
        double low = -Range, high = Range; // of ln (1 / T)
        for (double middle; (middle = low + (high - low) / 2) > low && middle < high;)
        {
            cancellation.ThrowIfCancellationRequested();
            double inverse = Math.Exp(middle), slope = 0;
            for (int i = 0; i < raw.Length; i++) { slope += (Sigmoid(inverse * raw[i]) - (labels[i] ? 1 : 0)) * raw[i]; }
            if (slope < 0) { low = middle; } else { high = middle; }
        }
        return new TemperatureCalibration(Math.Exp(-high));
    }
}
