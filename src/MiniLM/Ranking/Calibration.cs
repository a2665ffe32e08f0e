namespace MiniLM.Ranking;

/// <summary>A raw score (logit or cosine) to a number that means something across queries, mostly a probability; fitted on labelled rows.</summary>
/// <remarks>Rising with the raw score but for Platt's method where positives have the lower scores, which the command says; equal on isotonic steps.</remarks>
internal abstract record Calibration
{
    /// <summary>Its methods by name; the first is the usual one.</summary>
    internal static readonly string[] Methods = ["platt", "isotonic", "temperature", "sigmoid", "minmax", "zscore"];

    /// <summary>One of <see cref="Methods"/>.</summary>
    internal abstract string Method { get; }

    /// <summary>Whether results are probabilities: 0 to 1.</summary>
    internal virtual bool IsProbability => true;

    /// <summary>The calibrated score.</summary>
    internal abstract double Apply(double raw);

    /// <summary>What was fitted, as it is kept.</summary>
    internal abstract IEnumerable<(string Name, double[] Values)> Parameters { get; }

    /// <summary>Fits a method.</summary>
    /// <param name="method">One of <see cref="Methods"/>.</param>
    /// <param name="raw">Raw scores, at least one.</param>
    /// <param name="labels">Whether the row is positive.</param>
    /// <param name="cancellation">Looked at between passes.</param>
    internal static Calibration Fit(string method, double[] raw, bool[] labels, CancellationToken cancellation = default) => method switch
    {
        "platt" => PlattCalibration.Fit(raw, labels, cancellation),
        "isotonic" => IsotonicCalibration.Fit(raw, labels),
        "temperature" => TemperatureCalibration.Fit(raw, labels, cancellation),
        "sigmoid" => new SigmoidCalibration(),
        "minmax" => MinMaxCalibration.Fit(raw),
        "zscore" => ZScoreCalibration.Fit(raw),
        _ => throw new ArgumentException($"calibration method {Quoted.Text(method)}: it is one of {string.Join(", ", Methods)}"),
    };

    /// <summary>1 / (1 + e^-x).</summary>
    internal static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
}

/// <summary>The sigmoid of the raw score: nothing is fitted.</summary>
internal sealed record SigmoidCalibration : Calibration
{
    internal override string Method => "sigmoid";

    internal override IEnumerable<(string Name, double[] Values)> Parameters => [];

    internal override double Apply(double raw) => Sigmoid(raw);
}

/// <summary>(raw - min) / (max - min), as MinMaxScaler(clip=True): 0 below the range and 1 above it; of a single score 0 up to it.</summary>
/// <param name="Min">Smallest raw score.</param>
/// <param name="Max">Greatest raw score.</param>
internal sealed record MinMaxCalibration(double Min, double Max) : Calibration
{
    internal static MinMaxCalibration Fit(double[] raw) => new(raw.Min(), raw.Max());

    internal override string Method => "minmax";

    internal override IEnumerable<(string Name, double[] Values)> Parameters => [("min", [Min]), ("max", [Max])];

    internal override double Apply(double raw) => Math.Clamp((raw - Min) / (Max > Min ? Max - Min : 1), 0, 1);
}

/// <summary>(raw - mean) / deviation, as StandardScaler: with n, and 1 for a deviation of 0. No probability.</summary>
/// <param name="Mean">Of the raw scores.</param>
/// <param name="Deviation">Their standard deviation.</param>
internal sealed record ZScoreCalibration(double Mean, double Deviation) : Calibration
{
    internal static ZScoreCalibration Fit(double[] raw)
    {
        double mean = raw.Average();
        return new(mean, raw.Min() == raw.Max() ? 1 : Math.Sqrt(raw.Average(score => (score - mean) * (score - mean))));
    }

    internal override string Method => "zscore";

    internal override bool IsProbability => false;

    internal override IEnumerable<(string Name, double[] Values)> Parameters => [("mean", [Mean]), ("deviation", [Deviation])];

    internal override double Apply(double raw) => (raw - Mean) / Deviation;
}
