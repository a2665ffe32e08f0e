namespace MiniLM.Evaluation;

/// <summary>A best F1 and where it is.</summary>
/// <param name="F1">2 P R / (P + R); 0 without a true positive.</param>
/// <param name="Precision">There.</param>
/// <param name="Recall">There.</param>
/// <param name="Threshold">A score at it or above is positive; 0 where no threshold has a true positive.</param>
internal readonly record struct BestF1(double F1, double Precision, double Recall, double Threshold);

/// <summary>A best accuracy and where it is.</summary>
/// <param name="Accuracy">Share of right predictions.</param>
/// <param name="Threshold">A score at it or above is positive.</param>
internal readonly record struct BestAccuracy(double Accuracy, double Threshold);

/// <summary>The best threshold between the scores themselves, as BinaryClassificationEvaluator of sentence-transformers looks for it.</summary>
/// <remarks>Of equal values the greatest threshold wins. For distances search the negated scores and negate the threshold.</remarks>
internal static class ThresholdSearch
{
    /// <summary>Version 6: between distinct scores only, and at both ends.</summary>
    internal static BestAccuracy Accuracy(ScoredLabels scores)
    {
        double above = scores.Steps[0].Score;
        above = scores.IsSingle ? float.BitIncrement((float)above) : double.BitIncrement(above);
        BestAccuracy best = new((double)scores.Negatives / scores.Count, above); // nothing is positive
        for (int i = 0; i < scores.Steps.Length; i++)
        {
            ScoredLabels.Step step = scores.Steps[i];
            double accuracy = (double)(step.TruePositives + scores.Negatives - step.FalsePositives) / scores.Count;
            if (accuracy > best.Accuracy) { best = new BestAccuracy(accuracy, Below(scores, i)); }
        }
        return best;
    }

    /// <inheritdoc cref="Accuracy"/>
    internal static BestF1 F1(ScoredLabels scores)
    {
        BestF1 best = default;
        for (int i = 0; i < scores.Steps.Length; i++)
        {
            ScoredLabels.Step step = scores.Steps[i];
            if (Better(best, step.TruePositives, step.Precision, scores.Positives) is { } better) { best = better with { Threshold = Below(scores, i) }; }
        }
        return best;
    }

    /// <summary>Versions 2 to 5: behind every row but the last, within equal scores too.</summary>
    internal static BestAccuracy AccuracyByRows(ScoredLabels scores)
    {
        BestAccuracy best = new(0, -1);
        for (int i = 0, right = scores.Negatives; i < scores.Count - 1; i++)
        {
            right += scores.Label(scores.Order[i]) ? 1 : -1;
            double accuracy = (double)right / scores.Count;
            if (accuracy > best.Accuracy) { best = new BestAccuracy(accuracy, Behind(scores, i)); }
        }
        return best;
    }

    /// <inheritdoc cref="AccuracyByRows"/>
    internal static BestF1 F1ByRows(ScoredLabels scores)
    {
        BestF1 best = default;
        for (int i = 0, hits = 0; i < scores.Count - 1; i++)
        {
            if (scores.Label(scores.Order[i])) { hits++; }
            if (Better(best, hits, (double)hits / (i + 1), scores.Positives) is { } better) { best = better with { Threshold = Behind(scores, i) }; }
        }
        return best;
    }

    // In the libraries' order of operations, which decides between values that are equal but for rounding.
    private static BestF1? Better(BestF1 best, int hits, double precision, int positives)
    {
        if (hits == 0) { return null; }
        double recall = (double)hits / positives, f1 = 2 * precision * recall / (precision + recall);
        return f1 > best.F1 ? new BestF1(f1, precision, recall, 0) : null;
    }

    /// <summary>A threshold below a distinct score and above the next: their middle, unless that is rounded to the next one.</summary>
    private static double Below(ScoredLabels scores, int step)
    {
        double score = scores.Steps[step].Score;
        if (step + 1 == scores.Steps.Length) { return score; }
        double next = scores.Steps[step + 1].Score, middle = Middle(scores, score, next);
        return middle > next ? middle : score;
    }

    private static double Behind(ScoredLabels scores, int i) => Middle(scores, scores.Score(scores.Order[i]), scores.Score(scores.Order[i + 1]));

    private static double Middle(ScoredLabels scores, double a, double b) => scores.IsSingle ? ((float)a + (float)b) / 2 : (a + b) / 2;
}
