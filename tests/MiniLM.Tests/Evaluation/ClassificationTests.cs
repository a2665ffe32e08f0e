using MiniLM.Evaluation;

namespace MiniLM.Tests.Evaluation;

/// <summary>Values that can be had by hand.</summary>
public sealed class ClassificationTests
{
    // By score: + - + | - (two rows share 0.4).
    private static readonly ScoredLabels Mixed = new([0.4, 0.9, 0.4, 0.8, 0.1], [true, true, false, false, false]);

    [Fact]
    public void Steps_CountRowsAtOrAboveEachDistinctScore()
    {
        Assert.Equal([new(0.9, 1, 0), new(0.8, 1, 1), new(0.4, 2, 2), new(0.1, 2, 3)], Mixed.Steps);
        Assert.Equal([1, 3, 0, 2, 4], Mixed.Order);
        Assert.Equal((5, 2, 3), (Mixed.Count, Mixed.Positives, Mixed.Negatives));
    }

    [Fact]
    public void At_ComparesByTheRule()
    {
        AssertCounts(Mixed.At(0.4), tn: 1, fp: 2, fn: 0, tp: 2);
        AssertCounts(Mixed.At(0.4, strict: true), tn: 2, fp: 1, fn: 1, tp: 1);
        AssertCounts(Mixed.At(2), tn: 3, fp: 0, fn: 2, tp: 0);
        ConfusionMatrix counts = Mixed.At(0.4);
        Assert.Equal((1 / 2.0 + 2 / 3.0) / 2, counts.Macro(counts.F1), 1e-15); // of two classes
    }

    [Fact]
    public void RankMeasures_ByHand()
    {
        Assert.Equal(4.5 / 6, Mixed.RocAuc, 1e-15); // 0.9 beats all three, 0.4 beats one and ties with one
        Assert.Equal((1 + 0.5) / 2, Mixed.AveragePrecision, 1e-15);
        (double[] precision, double[] recall, double[] thresholds) = Mixed.PrecisionRecallCurve();
        Assert.Equal([0.4, 0.5, 0.5, 1, 1], precision);
        Assert.Equal([1, 1, 0.5, 0.5, 0], recall);
        Assert.Equal([0.1, 0.4, 0.8, 0.9], thresholds);
        (double[] fpr, double[] tpr, thresholds) = Mixed.RocCurve();
        Assert.Equal([0, 0, 1 / 3.0, 2 / 3.0, 1], fpr);
        Assert.Equal([0, 0.5, 0.5, 1, 1], tpr);
        Assert.Equal([double.PositiveInfinity, 0.9, 0.8, 0.4, 0.1], thresholds);
        Assert.True(double.IsNaN(new ScoredLabels([1, 2], [true, true]).RocAuc));
        Assert.True(double.IsNaN(new ScoredLabels([1, 2], [false, false]).AveragePrecision));
    }

    [Fact]
    public void Losses_ByHand()
    {
        ScoredLabels scores = new([0.5, 0.25, 1], [true, false, true]);
        Assert.Equal((Math.Log(2) + Math.Log(4 / 3.0)) / 3, scores.LogLoss, 1e-15);
        Assert.Equal((0.25 + 0.0625) / 3, scores.Brier, 1e-15);
        Assert.Equal(52 * Math.Log(2), new ScoredLabels([0], [true]).LogLoss, 1e-12);
        Assert.Equal(52 * Math.Log(2), new ScoredLabels([1], [false]).LogLoss, 1e-12);
    }

    [Fact]
    public void ConfusionMatrix_ByHand()
    {
        ConfusionMatrix counts = new(2);
        counts.Add(0, 0, 5);
        counts.Add(0, 1, 1);
        counts.Add(1, 0, 2);
        counts.Add(1, 1, 4);
        Assert.Equal((12, 9 / 12.0, 4 / 5.0, 4 / 6.0), (counts.Total, counts.Accuracy, counts.Precision(1), counts.Recall(1)));
        Assert.Equal((8 / 11.0, 20 / 29.0), (counts.F1(1), counts.FBeta(1, 2)));
        Assert.Equal(18 / Math.Sqrt(5 * 7 * 6 * 6), counts.Mcc, 1e-15);
        Assert.Equal(0.5, counts.CohenKappa, 1e-15);
        Assert.Equal((5 / 6.0 + 4 / 6.0) / 2, counts.BalancedAccuracy, 1e-15);
        Assert.Equal((10 / 13.0 + 8 / 11.0) / 2, counts.Macro(counts.F1), 1e-15);
        ConfusionMatrix uneven = new(2);
        uneven.Add(0, 0, 3);
        uneven.Add(1, 0);
        Assert.Equal(3 * (6 / 7.0) / 4, uneven.Weighted(uneven.F1), 1e-15);
        Assert.Equal((0, 0, 0), (uneven.Precision(1), uneven.F1(1), uneven.Mcc));
        Assert.True(double.IsNaN(new ConfusionMatrix(2).BalancedAccuracy));
    }

    [Fact]
    public void Grids_HaveNumpysLastBits()
    {
        double[] hundredths = ThresholdGrid.Known.First(grid => grid.Name == "arange(0,1,0.01)").Thresholds;
        Assert.Equal((100, 0.35000000000000003), (hundredths.Length, hundredths[35]));
        Assert.Equal([0.1, 0.15000000000000002, 0.20000000000000004], ThresholdGrid.Arange(0.1, 0.9, 0.05)[..3]);
        Assert.Equal([0, 0.25, 0.5, 0.75, 1], ThresholdGrid.Linspace(0, 1, 5));
        Assert.Equal([(100, 0, 0.99), (16, 0.1, 0.8500000000000002), (101, 0, 1), (201, -1, 1), (100, -5, 4.899999999999965)],
            ThresholdGrid.Known.Select(grid => (grid.Thresholds.Length, grid.Thresholds[0], grid.Thresholds[^1])));
        double[] cosines = ThresholdGrid.Known.First(grid => grid.Name == "arange(-100,101)/100").Thresholds;
        Assert.Equal((201, -1, 0.35, 1), (cosines.Length, cosines[0], cosines[135], cosines[200]));
    }

    [Fact]
    public void Sweep_KeepsTheFirstOfEqualThresholds()
    {
        ScoredLabels scores = new([0.35, 0.2], [true, false]);
        Assert.Equal((1, 0.3), ThresholdGrid.Best([0.1, 0.3, 0.35], scores, counts => counts.F1(1)));
        // 0.35 in float32 is below 0.35.
        Assert.Equal((1, 0.3), ThresholdGrid.Best([0.35, 0.3], new ScoredLabels([0.35f, 0.2f], [true, false], isSingle: true), counts => counts.F1(1)));
    }

    [Fact]
    public void ThresholdSearch_LooksBetweenDistinctScores()
    {
        Assert.Equal(new BestF1(1 / 1.5, 1, 0.5, (0.9 + 0.8) / 2), ThresholdSearch.F1(Mixed)); // as good at 0.25: the greatest threshold wins
        Assert.Equal(new BestAccuracy(0.8, (0.9 + 0.8) / 2), ThresholdSearch.Accuracy(Mixed));
        Assert.Equal(new BestAccuracy(2 / 3.0, 2.5), ThresholdSearch.Accuracy(new([3, 2, 1], [true, false, true]))); // as good at 1
        // Nothing positive: just above the best score; everything positive: the last score.
        Assert.Equal(new BestAccuracy(1, double.BitIncrement(3)), ThresholdSearch.Accuracy(new([3, 1], [false, false])));
        Assert.Equal(new BestAccuracy(1, float.BitIncrement(3)), ThresholdSearch.Accuracy(new([3, 1], [false, false], isSingle: true)));
        Assert.Equal(new BestAccuracy(1, 1), ThresholdSearch.Accuracy(new([3, 1], [true, true])));
        Assert.Equal(new BestF1(1, 1, 1, 1), ThresholdSearch.F1(new([3, 1], [true, true])));
        Assert.Equal(default, ThresholdSearch.F1(new([3, 1], [false, false])));
    }

    [Fact]
    public void ThresholdSearch_TakesMiddlesInThePrecisionOfTheScores()
    {
        double next = float.BitIncrement(0.5f), middle = (0.5 + next) / 2;
        Assert.Equal(middle, ThresholdSearch.F1(new([0.5, next], [false, true])).Threshold);
        Assert.Equal(next, ThresholdSearch.F1(new([0.5, next], [false, true], isSingle: true)).Threshold); // the middle is rounded to 0.5
    }

    [Fact]
    public void ThresholdSearchByRows_LooksBehindEveryRowButTheLast()
    {
        // After two of the three rows with 0.5 already 2 of 2 are right, which no threshold can do.
        ScoredLabels equal = new([0.5, 0.5, 0.5], [true, true, false]);
        Assert.Equal(new BestAccuracy(1, 0.5), ThresholdSearch.AccuracyByRows(equal));
        Assert.Equal(new BestF1(1, 1, 1, 0.5), ThresholdSearch.F1ByRows(equal));
        ScoredLabels last = new([0.9, 0.1], [false, true]);
        Assert.Equal(new BestAccuracy(0, -1), ThresholdSearch.AccuracyByRows(last));
        Assert.Equal(default, ThresholdSearch.F1ByRows(last));
        Assert.Equal(new BestF1(1 / 1.5, 1, 0.5, 0.75), ThresholdSearch.F1ByRows(new([1, 0.5], [true, true])));
    }

    [Fact]
    public void Negated_ReadsDistances()
    {
        BestF1 best = ThresholdSearch.F1(new ScoredLabels([0.1, 0.7], [true, false]).Negated());
        Assert.Equal((1, -0.4), (best.F1, Math.Round(best.Threshold, 15)));
    }

    [Fact]
    public void ClassLogits_ByHand()
    {
        ClassLogits predictions = new([[1, 1, 0], [0, 0, Math.Log(2)], [0, 5, 5]], [1, 2, 2]);
        Assert.Equal([0, 2, 1], Enumerable.Range(0, 3).Select(predictions.Predicted));
        Assert.Equal(1, predictions.Confusion()[2, 2]);
        Assert.Equal(1 / 3.0, predictions.Confusion().Accuracy);
        Assert.Equal((1 / 3.0, 1), (predictions.TopAccuracy(1), predictions.TopAccuracy(2)));
        Assert.Equal(Math.Log(2), new ClassLogits([[0, 0, Math.Log(2)]], [2]).LogLoss(), 1e-15);
        Assert.Equal(1000, new ClassLogits([[1000, 0]], [1]).LogLoss()); // no overflow
    }

    private static void AssertCounts(ConfusionMatrix counts, long tn, long fp, long fn, long tp) =>
        Assert.Equal((tn, fp, fn, tp), (counts[0, 0], counts[0, 1], counts[1, 0], counts[1, 1]));
}
