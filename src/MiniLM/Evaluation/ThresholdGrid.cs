namespace MiniLM.Evaluation;

/// <summary>Thresholds that notebooks try one after the other, in numpy's arithmetic: which side of one a score is on depends on the last bit.</summary>
internal static class ThresholdGrid
{
    /// <summary>The grids of a report, named by the numpy expression that gives them.</summary>
    internal static readonly (string Name, double[] Thresholds)[] Known =
    [
        ("arange(0,1,0.01)", Arange(0, 1, 0.01)),
        ("arange(0.1,0.9,0.05)", Arange(0.1, 0.9, 0.05)),
        ("linspace(0,1,101)", Linspace(0, 1, 101)),
        ("arange(-100,101)/100", [.. Enumerable.Range(-100, 201).Select(i => i / 100.0)]),
        ("arange(-5,5,0.1)", Arange(-5, 5, 0.1)),
    ];

    /// <summary>numpy.arange: the step is the difference of the first two numbers, and errs as that does.</summary>
    internal static double[] Arange(double start, double stop, double step)
    {
        double difference = start + step - start;
        return [.. Enumerable.Range(0, (int)Math.Ceiling((stop - start) / step)).Select(i => start + i * difference)];
    }

    /// <summary>numpy.linspace, both ends included.</summary>
    internal static double[] Linspace(double start, double stop, int count)
    {
        double step = (stop - start) / (count - 1);
        return [.. Enumerable.Range(0, count - 1).Select(i => i * step + start), stop];
    }

    /// <summary>The first threshold with the best measure: a later one must be strictly better.</summary>
    internal static (double Value, double Threshold) Best(ReadOnlySpan<double> thresholds, ScoredLabels scores, Func<ConfusionMatrix, double> measure)
    {
        (double Value, double Threshold) best = (double.NegativeInfinity, double.NaN);
        foreach (double threshold in thresholds)
        {
            double value = measure(scores.At(threshold));
            if (value > best.Value) { best = (value, threshold); }
        }
        return best;
    }
}
