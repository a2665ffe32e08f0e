namespace MiniLM.Evaluation;

/// <summary>Scores with labels of two classes: what follows from the order of the scores alone, and the counts at a threshold.</summary>
internal sealed class ScoredLabels
{
    private readonly double[] _scores;
    private readonly bool[] _labels;

    /// <param name="scores">A number a row; greater is more positive. No NaN.</param>
    /// <param name="labels">Whether the row is positive.</param>
    /// <param name="isSingle">The scores are float32 numbers: thresholds between them are too.</param>
    internal ScoredLabels(double[] scores, bool[] labels, bool isSingle = false)
    {
        (_scores, _labels, IsSingle) = (scores, labels, isSingle);
        Order = [.. Enumerable.Range(0, scores.Length).OrderByDescending(row => scores[row])];
        List<Step> steps = [];
        for (int i = 0; i < Order.Length; i++)
        {
            if (labels[Order[i]]) { Positives++; }
            if (i + 1 == Order.Length || scores[Order[i + 1]] != scores[Order[i]]) { steps.Add(new Step(scores[Order[i]], Positives, i + 1 - Positives)); }
        }
        Steps = [.. steps];
    }

    /// <summary>A distinct score, and how many rows have it or a greater one.</summary>
    /// <param name="Score">The score.</param>
    /// <param name="TruePositives">Positive rows.</param>
    /// <param name="FalsePositives">Negative rows.</param>
    internal readonly record struct Step(double Score, int TruePositives, int FalsePositives)
    {
        internal double Precision => (double)TruePositives / (TruePositives + FalsePositives);
    }

    internal bool IsSingle { get; }

    /// <summary>Rows by score, greatest first; equal ones in their order.</summary>
    internal int[] Order { get; }

    /// <summary>Distinct scores, greatest first.</summary>
    internal Step[] Steps { get; }

    internal int Count => _scores.Length;

    internal int Positives { get; }

    internal int Negatives => Count - Positives;

    internal double Score(int row) => _scores[row];

    internal bool Label(int row) => _labels[row];

    /// <summary>Scores read as distances: the smallest is the most positive.</summary>
    internal ScoredLabels Negated() => new(Array.ConvertAll(_scores, score => -score), _labels, IsSingle);

    /// <summary>The counts when a score at the threshold or above is a positive prediction; strict: above it. Compared in double.</summary>
    internal ConfusionMatrix At(double threshold, bool strict = false)
    {
        ConfusionMatrix counts = new(2);
        for (int row = 0; row < Count; row++)
        {
            bool predicted = strict ? _scores[row] > threshold : _scores[row] >= threshold;
            counts.Add(_labels[row] ? 1 : 0, predicted ? 1 : 0);
        }
        return counts;
    }

    /// <summary>The chance that a positive has the greater score of a pair, ties counting half; NaN without both classes.</summary>
    internal double RocAuc
    {
        get
        {
            double area = 0;
            Step before = default;
            foreach (Step step in Steps)
            {
                area += (step.FalsePositives - before.FalsePositives) * (step.TruePositives + before.TruePositives) / 2.0;
                before = step;
            }
            return area / ((double)Positives * Negatives);
        }
    }

    /// <summary>Sum over distinct scores of the step in recall times the precision; NaN without positives.</summary>
    internal double AveragePrecision
    {
        get
        {
            double sum = 0;
            int before = 0;
            foreach (Step step in Steps)
            {
                sum += (step.TruePositives - before) * step.Precision;
                before = step.TruePositives;
            }
            return sum / Positives;
        }
    }

    /// <summary>Precision and recall at each distinct score, smallest first, and behind them (1, 0), which has no threshold.</summary>
    internal (double[] Precision, double[] Recall, double[] Thresholds) PrecisionRecallCurve() => (
        [.. Steps.Reverse().Select(step => step.Precision), 1],
        [.. Steps.Reverse().Select(step => (double)step.TruePositives / Positives), 0],
        [.. Steps.Reverse().Select(step => step.Score)]);

    /// <summary>False and true positive rate at each distinct score, greatest first, before them (0, 0) at infinity; no point left out.</summary>
    internal (double[] FalsePositiveRate, double[] TruePositiveRate, double[] Thresholds) RocCurve() => (
        [0, .. Steps.Select(step => (double)step.FalsePositives / Negatives)],
        [0, .. Steps.Select(step => (double)step.TruePositives / Positives)],
        [double.PositiveInfinity, .. Steps.Select(step => step.Score)]);

    /// <summary>Mean of -ln of the probability of the label, scores being probabilities, kept 2^-52 away from 0 and 1 as scikit-learn does.</summary>
    internal double LogLoss => Enumerable.Range(0, Count).Average(row =>
    {
        double probability = Math.Clamp(_scores[row], double.BitIncrement(1) - 1, 2 - double.BitIncrement(1));
        return -Math.Log(_labels[row] ? probability : 1 - probability);
    });

    /// <summary>Mean squared distance of the probability from the label (Brier 1950).</summary>
    internal double Brier => Enumerable.Range(0, Count).Average(row => Math.Pow(_scores[row] - (_labels[row] ? 1 : 0), 2));
}
