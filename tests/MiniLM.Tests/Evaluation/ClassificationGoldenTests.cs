using System.Text.Json;
using System.Text.RegularExpressions;
using MiniLM.Evaluation;
using static MiniLM.Tests.Evaluation.MetricsGolden;

namespace MiniLM.Tests.Evaluation;

/// <summary>scikit-learn's and sentence-transformers' numbers.</summary>
public sealed partial class ClassificationGoldenTests
{
    [Fact]
    public void MeasuresAtThresholds_AreScikitLearns() => ForEachCase((name, golden, scores) =>
    {
        int compared = 0;
        foreach (JsonElement at in golden.GetProperty("at").EnumerateArray())
        {
            double threshold = Number(at, "threshold");
            // NumPy 2 gives a Python number the type of the scores beside it; the grids of the sweeps are float64 arrays and keep theirs.
            if (scores.IsSingle) { threshold = (float)threshold; }
            ConfusionMatrix counts = scores.At(threshold, at.GetProperty("rule").GetString() == ">");
            JsonElement[][] expected = [.. at.GetProperty("confusion").EnumerateArray().Select(row => row.EnumerateArray().ToArray())];
            Assert.Equal(expected.SelectMany(row => row).Select(count => count.GetInt64()), [counts[0, 0], counts[0, 1], counts[1, 0], counts[1, 1]]);
            foreach ((string measure, double value) in Measures(counts))
            {
                AssertClose(Number(at, measure), value, $"{name}: {measure} at {threshold}", 1e-12);
                compared++;
            }
        }
        Assert.True(compared > 0, $"{name}: nothing compared");
    });

    [Fact]
    public void RankMeasuresAndCurves_AreScikitLearns() => ForEachCase((name, golden, scores) =>
    {
        AssertOptional(golden, "roc_auc", scores.RocAuc, name);
        AssertOptional(golden, "average_precision", scores.AveragePrecision, name);
        if (golden.TryGetProperty("pr_curve", out JsonElement curve))
        {
            (double[] precision, double[] recall, double[] thresholds) = scores.PrecisionRecallCurve();
            AssertClose(Numbers(curve, "precision"), precision, $"{name}: precision", 1e-12);
            AssertClose(Numbers(curve, "recall"), recall, $"{name}: recall", 1e-12);
            Assert.Equal(Numbers(curve, "thresholds"), thresholds);
        }
        if (golden.TryGetProperty("roc_curve", out curve))
        {
            (double[] fpr, double[] tpr, double[] thresholds) = scores.RocCurve();
            AssertClose(Numbers(curve, "fpr"), fpr, $"{name}: fpr", 1e-12);
            AssertClose(Numbers(curve, "tpr"), tpr, $"{name}: tpr", 1e-12);
            Assert.Equal(Numbers(curve, "thresholds"), thresholds);
        }
        if (golden.TryGetProperty("log_loss", out JsonElement loss)) { AssertClose(Number(loss), scores.LogLoss, $"{name}: log loss", 1e-12); }
        if (golden.TryGetProperty("brier", out JsonElement brier)) { AssertClose(Number(brier), scores.Brier, $"{name}: brier", 1e-12); }
    });

    [Fact]
    public void Sweeps_AreNumpys()
    {
        JsonElement grids = Json("classification", "binary.json").GetProperty("grids");
        foreach (JsonProperty grid in grids.EnumerateObject())
        {
            double[] expected = Numbers(grids, grid.Name);
            Match call = Call().Match(grid.Name);
            double[] arguments = [.. call.Groups[2].Value.Split(',').Select(text => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture))];
            Assert.Equal(expected, call.Groups[1].Value == "arange" ? ThresholdGrid.Arange(arguments[0], arguments[1], arguments[2])
                : ThresholdGrid.Linspace(arguments[0], arguments[1], (int)arguments[2]));
            if (ThresholdGrid.Known.FirstOrDefault(known => known.Name == grid.Name) is { Thresholds: { } known }) { Assert.Equal(expected, known); }
        }
        ForEachCase((name, golden, scores) =>
        {
            foreach (JsonProperty sweep in golden.GetProperty("sweeps").EnumerateObject())
            {
                double[] thresholds = Numbers(grids, sweep.Name);
                (double f1, double f1Threshold) = ThresholdGrid.Best(thresholds, scores, counts => counts.F1(1));
                (double accuracy, double accuracyThreshold) = ThresholdGrid.Best(thresholds, scores, counts => counts.Accuracy);
                AssertClose(Number(sweep.Value, "best_f1"), f1, $"{name}: {sweep.Name}: f1", 1e-12);
                AssertClose(Number(sweep.Value, "best_accuracy"), accuracy, $"{name}: {sweep.Name}: accuracy", 1e-12);
                Assert.Equal((Number(sweep.Value, "best_f1_threshold"), Number(sweep.Value, "best_accuracy_threshold")), (f1Threshold, accuracyThreshold));
                AssertClose(Numbers(sweep.Value, "f1"), Array.ConvertAll(thresholds, threshold => scores.At(threshold).F1(1)), $"{name}: {sweep.Name}", 1e-12);
            }
            if (golden.TryGetProperty("float32_compare", out JsonElement compare))
            {
                double[] thresholds = Numbers(grids, "arange(0,1,0.01)");
                Assert.Equal(Integers(compare, "float64").Select(count => (long)count),
                    thresholds.Select(threshold => scores.At(threshold)).Select(counts => counts[0, 1] + counts[1, 1]));
            }
        });
    }

    [Fact]
    public void ThresholdSearch_IsSentenceTransformers() => ForEachCase((name, golden, scores) =>
    {
        BestF1 f1 = ThresholdSearch.F1(scores);
        AssertSearch(golden.GetProperty("sentence_transformers_6"), ThresholdSearch.Accuracy(scores), f1, 1, name);
        AssertSearch(golden.GetProperty("sentence_transformers_2_to_5"), ThresholdSearch.AccuracyByRows(scores), ThresholdSearch.F1ByRows(scores), 1, name);
        AssertClose(Number(golden, "mcc_at_f1_threshold"), scores.At(f1.Threshold).Mcc, $"{name}: mcc", 1e-12);
        ScoredLabels distances = scores.Negated();
        AssertSearch(golden.GetProperty("sentence_transformers_6_low_is_similar"), ThresholdSearch.Accuracy(distances.Negated()),
            ThresholdSearch.F1(distances.Negated()), -1, name);
    });

    [Fact]
    public void Multiclass_IsScikitLearns()
    {
        int cases = 0;
        foreach (JsonElement golden in Json("classification", "multiclass.json").GetProperty("cases").EnumerateArray())
        {
            string name = golden.GetProperty("name").GetString()!;
            double[][] logits = [.. golden.GetProperty("logits").EnumerateArray().Select(row => row.EnumerateArray().Select(Number).ToArray())];
            ClassLogits predictions = new(logits, Integers(golden, "labels"));
            ConfusionMatrix counts = predictions.Confusion();
            int classes = counts.Classes;
            Assert.Equal(Integers(golden, "predicted"), Enumerable.Range(0, logits.Length).Select(predictions.Predicted));
            Assert.Equal(golden.GetProperty("confusion").EnumerateArray().SelectMany(row => row.EnumerateArray()).Select(count => count.GetInt64()),
                Enumerable.Range(0, classes * classes).Select(i => counts[i / classes, i % classes]));
            foreach ((string measure, Func<int, double> of) in new (string, Func<int, double>)[]
                { ("precision", counts.Precision), ("recall", counts.Recall), ("f1", counts.F1) })
            {
                double[] perClass = [.. Enumerable.Range(0, classes).Select(of)];
                AssertClose(Numbers(golden.GetProperty("per_class"), measure), perClass, $"{name}: {measure}", 1e-12);
                AssertClose(Number(golden, $"{measure}_macro"), counts.Macro(of), $"{name}: {measure} macro", 1e-12);
                AssertClose(Number(golden, $"{measure}_micro"), counts.Accuracy, $"{name}: {measure} micro", 1e-12);
                AssertClose(Number(golden, $"{measure}_weighted"), counts.Weighted(of), $"{name}: {measure} weighted", 1e-12);
            }
            AssertClose(Number(golden, "accuracy"), counts.Accuracy, $"{name}: accuracy", 1e-12);
            AssertClose(Number(golden, "mcc"), counts.Mcc, $"{name}: mcc", 1e-12);
            AssertClose(Number(golden, "log_loss_of_softmax"), predictions.LogLoss(), $"{name}: log loss", 1e-12);
            AssertClose(Number(golden, "top2_accuracy"), predictions.TopAccuracy(2), $"{name}: top 2", 1e-12);
            cases++;
        }
        Assert.True(cases > 0, "no cases");
    }

    [GeneratedRegex(@"^(arange|linspace)\((.*)\)$")]
    private static partial Regex Call();

    private static IEnumerable<(string, double)> Measures(ConfusionMatrix counts) =>
    [
        ("accuracy", counts.Accuracy), ("precision", counts.Precision(1)), ("recall", counts.Recall(1)), ("f1", counts.F1(1)),
        ("f1_macro", counts.Macro(counts.F1)), ("f1_micro", counts.Accuracy), ("f1_weighted", counts.Weighted(counts.F1)),
        ("balanced_accuracy", counts.BalancedAccuracy), ("mcc", counts.Mcc), ("cohen_kappa", counts.CohenKappa), ("f2", counts.FBeta(1, 2)),
    ];

    private static void AssertSearch(JsonElement expected, BestAccuracy accuracy, BestF1 f1, int sign, string name)
    {
        AssertClose(Number(expected, "accuracy"), accuracy.Accuracy, $"{name}: accuracy", 1e-15);
        AssertClose(Number(expected, "f1"), f1.F1, $"{name}: f1", 1e-15);
        AssertClose(Number(expected, "precision"), f1.Precision, $"{name}: precision", 1e-15);
        AssertClose(Number(expected, "recall"), f1.Recall, $"{name}: recall", 1e-15);
        Assert.True(Number(expected, "accuracy_threshold") == sign * accuracy.Threshold, $"{name}: {accuracy}, not {expected}");
        Assert.True(Number(expected, "f1_threshold") == sign * f1.Threshold, $"{name}: {f1}, not {expected}");
    }

    // Null in the golden is NaN here.
    private static void AssertOptional(JsonElement golden, string measure, double actual, string name) => AssertClose(
        golden.GetProperty(measure) is { ValueKind: JsonValueKind.Number } value ? value.GetDouble() : double.NaN, actual, $"{name}: {measure}", 1e-12);

    private static void ForEachCase(Action<string, JsonElement, ScoredLabels> compare)
    {
        int cases = 0;
        foreach (JsonElement golden in Json("classification", "binary.json").GetProperty("cases").EnumerateArray())
        {
            bool[] labels = Array.ConvertAll(Integers(golden, "labels"), label => label == 1);
            compare(golden.GetProperty("name").GetString()!, golden,
                new ScoredLabels(Numbers(golden, "scores"), labels, golden.GetProperty("dtype").GetString() == "float32"));
            cases++;
        }
        Assert.True(cases > 0, "no cases");
    }
}
