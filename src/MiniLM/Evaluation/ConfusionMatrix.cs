namespace MiniLM.Evaluation;

/// <summary>Counts of actual and predicted classes, and the measures that follow from them as scikit-learn defines them; 0 / 0 is 0.</summary>
/// <param name="classes">Classes 0, 1, ... of labels and predictions.</param>
internal sealed class ConfusionMatrix(int classes)
{
    private readonly long[] _counts = new long[classes * classes];

    internal int Classes => classes;

    internal long this[int actual, int predicted] => _counts[actual * classes + predicted];

    internal void Add(int actual, int predicted, long count = 1) => _counts[actual * classes + predicted] += count;

    internal long Total => _counts.Sum();

    /// <summary>Also precision, recall and F1 by micro average: each row has one label and one prediction.</summary>
    internal double Accuracy => Ratio(Correct, Total);

    internal double Precision(int label) => Ratio(this[label, label], Predicted(label));

    internal double Recall(int label) => Ratio(this[label, label], Actual(label));

    internal double F1(int label) => FBeta(label, 1);

    /// <summary>(1 + beta^2) P R / (beta^2 P + R), from the counts.</summary>
    internal double FBeta(int label, double beta) => Ratio((1 + beta * beta) * this[label, label], beta * beta * Actual(label) + Predicted(label));

    /// <summary>The mean of a measure over classes.</summary>
    internal double Macro(Func<int, double> measure) => Enumerable.Range(0, classes).Average(measure);

    /// <summary>The mean over rows: each class counts as often as it is a label.</summary>
    internal double Weighted(Func<int, double> measure) => Ratio(Enumerable.Range(0, classes).Sum(label => measure(label) * Actual(label)), Total);

    /// <summary>The mean recall of the classes that are labels.</summary>
    internal double BalancedAccuracy =>
        Enumerable.Range(0, classes).Where(label => Actual(label) > 0).Select(Recall).DefaultIfEmpty(double.NaN).Average();

    /// <summary>Matthews' correlation coefficient, of two classes or more (Gorodkin 2004); 0 when all labels or all predictions are one class.</summary>
    internal double Mcc
    {
        get
        {
            double total = Total, covariance = Correct * total, actual = total * total, predicted = total * total;
            for (int label = 0; label < classes; label++)
            {
                double rows = Actual(label), columns = Predicted(label);
                covariance -= rows * columns;
                actual -= rows * rows;
                predicted -= columns * columns;
            }
            return Ratio(covariance, Math.Sqrt(actual) * Math.Sqrt(predicted));
        }
    }

    /// <summary>Cohen's kappa; NaN when labels and predictions are all one class.</summary>
    internal double CohenKappa
    {
        get
        {
            double total = Total, byChance = 0;
            for (int label = 0; label < classes; label++) { byChance += Actual(label) * (double)Predicted(label) / total; }
            return 1 - (total - Correct) / (total - byChance);
        }
    }

    private long Correct => Enumerable.Range(0, classes).Sum(label => this[label, label]);

    private long Actual(int label) => Enumerable.Range(0, classes).Sum(predicted => this[label, predicted]);

    private long Predicted(int label) => Enumerable.Range(0, classes).Sum(actual => this[actual, label]);

    private static double Ratio(double part, double whole) => whole == 0 ? 0 : part / whole;
}
