using System.Numerics;

namespace MiniLM.Training;

/// <summary>What one step of the optimiser goes by.</summary>
/// <param name="LearningRate">Of this step, by the schedule.</param>
/// <param name="WeightDecay">For parameters that decay.</param>
/// <param name="MaxGradientNorm">Gradients are cut to this norm; null: they are not.</param>
/// <param name="LossScale">What the gradients were multiplied by.</param>
internal sealed record StepOptions(double LearningRate, double WeightDecay = 0, double? MaxGradientNorm = 1, double LossScale = 1)
{
    internal double Beta1 { get; init; } = .9;
    internal double Beta2 { get; init; } = .999;
    internal double Epsilon { get; init; } = 1e-8;

    /// <summary>What gradients are multiplied by: unscaled, and cut as PyTorch does, max / (norm + 1e-6) where that is less than 1.</summary>
    /// <param name="norm">Of the unscaled gradients.</param>
    internal double GradientFactor(double norm) => Math.Min(1, (MaxGradientNorm ?? double.PositiveInfinity) / (norm + 1e-6)) / LossScale;
}

/// <summary>What a step found and did.</summary>
/// <param name="GradientNorm">Of all gradients together, unscaled, before they were cut.</param>
/// <param name="IsTaken">False: a gradient was NaN or infinite, and nothing changed.</param>
internal readonly record struct StepResult(double GradientNorm, bool IsTaken);

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), in PyTorch's order of operations.</summary>
/// <remarks>
/// p *= 1 - lr decay; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps).
/// </remarks>
internal static class AdamW
{
    /// <summary>The numbers of one step, each computed in double.</summary>
    internal readonly record struct Coefficients<T>(T Keep, T OneMinusBeta1, T Beta2, T OneMinusBeta2, T Rate, T RootOfCorrection, T Epsilon, T GradientFactor)
        where T : IBinaryFloatingPointIeee754<T>;

    /// <param name="options">Of the step.</param>
    /// <param name="step">How often this parameter has been updated, this time included.</param>
    /// <param name="decays">Whether it decays.</param>
    /// <param name="gradientFactor">See <see cref="StepOptions.GradientFactor"/>.</param>
    internal static Coefficients<T> For<T>(StepOptions options, int step, bool decays, double gradientFactor) where T : IBinaryFloatingPointIeee754<T> => new(
        T.CreateChecked(1 - (decays ? options.LearningRate * options.WeightDecay : 0)), T.CreateChecked(1 - options.Beta1),
        T.CreateChecked(options.Beta2), T.CreateChecked(1 - options.Beta2),
        T.CreateChecked(options.LearningRate / (1 - Math.Pow(options.Beta1, step))), T.CreateChecked(Math.Sqrt(1 - Math.Pow(options.Beta2, step))),
        T.CreateChecked(options.Epsilon), T.CreateChecked(gradientFactor));

    /// <summary>One step of some values.</summary>
    internal static void Update<T>(in Coefficients<T> by, Span<T> values, ReadOnlySpan<T> gradients, Span<T> first, Span<T> second)
        where T : IBinaryFloatingPointIeee754<T>
    {
        int whole = values.Length - values.Length % Vector<T>.Count;
        Vector<T> keep = new(by.Keep), oneMinusBeta1 = new(by.OneMinusBeta1), beta2 = new(by.Beta2), oneMinusBeta2 = new(by.OneMinusBeta2);
        Vector<T> rate = new(by.Rate), root = new(by.RootOfCorrection), epsilon = new(by.Epsilon), factor = new(by.GradientFactor);
        for (int i = 0; i < whole; i += Vector<T>.Count)
        {
            Vector<T> gradient = new Vector<T>(gradients[i..]) * factor, m = new(first[i..]), v = new(second[i..]);
            m += (gradient - m) * oneMinusBeta1;
            v = beta2 * v + oneMinusBeta2 * gradient * gradient;
            m.CopyTo(first[i..]);
            v.CopyTo(second[i..]);
            (new Vector<T>(values[i..]) * keep - rate * m / (Vector.SquareRoot(v) / root + epsilon)).CopyTo(values[i..]);
        }
        for (int i = whole; i < values.Length; i++)
        {
            T gradient = gradients[i] * by.GradientFactor;
            first[i] += (gradient - first[i]) * by.OneMinusBeta1;
            second[i] = by.Beta2 * second[i] + by.OneMinusBeta2 * gradient * gradient;
            values[i] = values[i] * by.Keep - by.Rate * first[i] / (T.Sqrt(second[i]) / by.RootOfCorrection + by.Epsilon);
        }
    }
}
