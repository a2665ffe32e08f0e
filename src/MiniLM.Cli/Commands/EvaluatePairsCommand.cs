using System.CommandLine;
using System.Globalization;
using MiniLM.Cli.Options;
using MiniLM.Evaluation;

namespace MiniLM.Cli.Commands;

/// <summary>Scores of pairs against labels of two classes.</summary>
internal sealed class EvaluatePairsCommand : CliCommand
{
    private readonly ScoreOptions _scores;
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object" };

    internal EvaluatePairsCommand() : base("pairs", "Measures scores of pairs against labels 0 and 1: F1 and accuracy at their best thresholds, AP, AUC.")
    {
        _scores = new ScoreOptions(this, "0 or 1");
        Options.Add(_json);
    }

    internal override string[] Examples => ["minilm evaluate pairs --scores scores.jsonl --labels labels.tsv"];

    internal override int Run(ParseResult parse, Session session)
    {
        (double[] numbers, double[] labels) = _scores.Read(parse, session, isBinary: true);
        ScoredLabels scores = new(numbers, Array.ConvertAll(labels, label => label == 1), AreWidened(numbers));
        BestF1 f1 = ThresholdSearch.F1(scores);
        BestAccuracy accuracy = ThresholdSearch.Accuracy(scores);
        ConfusionMatrix counts = scores.At(f1.Threshold);
        (string, double)[] measures =
        [
            ("auc", scores.RocAuc), ("ap", scores.AveragePrecision), ("f1", f1.F1), ("f1_threshold", f1.Threshold), ("accuracy", accuracy.Accuracy),
            ("accuracy_threshold", accuracy.Threshold), ("precision", f1.Precision), ("recall", f1.Recall), ("mcc", counts.Mcc),
        ];
        (string Grid, double F1, double Threshold)[] sweeps = [.. ThresholdGrid.Known.Select(grid => Sweep(grid, scores))];
        SayUndefined(measures, counts, session);
        if (parse.GetValue(_json)) { WriteJson(session.OutputText, measures, counts, sweeps); }
        else { WriteTables(session.OutputText, measures, counts, sweeps); }
        return 0;
    }

    /// <summary>Names the measures that are no number, and those of which a denominator is 0 and the libraries have 0.</summary>
    private static void SayUndefined((string Name, double Value)[] measures, ConfusionMatrix counts, Session session)
    {
        long negatives = counts[0, 0] + counts[0, 1], positives = counts[1, 0] + counts[1, 1];
        long predicted = counts[0, 1] + counts[1, 1], rejected = counts[0, 0] + counts[1, 0];
        (string Name, bool IsUndefined)[] zeros =
        [
            ("f1", positives + predicted == 0), ("f1_threshold", positives == 0), ("precision", predicted == 0), ("recall", positives == 0),
            ("mcc", negatives == 0 || positives == 0 || predicted == 0 || rejected == 0),
        ];
        string[] nulls = [.. measures.Where(measure => double.IsNaN(measure.Value)).Select(measure => measure.Name)];
        string[] parts =
        [
            Part(nulls, "no number"), Part([.. zeros.Where(zero => zero.IsUndefined).Select(zero => zero.Name)], "0, as the libraries have it"),
        ];
        if (parts.Any(part => part.Length > 0)) { session.Say($"undefined: {string.Join("; ", parts.Where(part => part.Length > 0))}"); }

        static string Part(string[] names, string value) => names.Length == 0 ? "" : $"{string.Join(", ", names)} ({value})";
    }

    /// <summary>Whether the numbers are float32 written with all digits of a double (0.3499999940395355), as Python does: thresholds between them are
    /// float32 too, then. Short ones (0.35) are the doubles that they say.</summary>
    private static bool AreWidened(double[] numbers) => Array.TrueForAll(numbers, number => (float)number == number)
        && Array.Exists(numbers, number => double.Parse(((float)number).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) != number);

    private static (string Grid, double F1, double Threshold) Sweep((string Name, double[] Thresholds) grid, ScoredLabels scores)
    {
        (double f1, double threshold) = ThresholdGrid.Best(grid.Thresholds, scores, counts => counts.F1(1));
        return (grid.Name, f1, threshold);
    }

    private static void WriteJson(
        TextWriter output, (string, double)[] measures, ConfusionMatrix counts, (string, double, double)[] sweeps) => JsonLine.Write(output, json =>
    {
        foreach ((string name, double value) in measures) { json.WriteMeasure(name, value); }
        json.WriteStartObject("confusion");
        json.WriteNumber("tn", counts[0, 0]);
        json.WriteNumber("fp", counts[0, 1]);
        json.WriteNumber("fn", counts[1, 0]);
        json.WriteNumber("tp", counts[1, 1]);
        json.WriteEndObject();
        json.WriteStartObject("sweeps");
        foreach ((string grid, double f1, double threshold) in sweeps)
        {
            json.WriteStartObject(grid);
            json.WriteMeasure("f1", f1);
            json.WriteMeasure("threshold", threshold);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    });

    private static void WriteTables(TextWriter output, (string, double)[] measures, ConfusionMatrix counts, (string, double, double)[] sweeps)
    {
        MeasureReport.Write(output, asJson: false, measures);
        output.WriteLine();
        TextTable confusion = new("at f1_threshold", ">predicted 0", ">predicted 1");
        confusion.Add("label 0", $"{counts[0, 0]}", $"{counts[0, 1]}");
        confusion.Add("label 1", $"{counts[1, 0]}", $"{counts[1, 1]}");
        confusion.Write(output);
        output.WriteLine();
        TextTable table = new("thresholds", ">best f1", ">at");
        foreach ((string grid, double f1, double threshold) in sweeps) { table.Add(grid, MeasureReport.Text(f1), MeasureReport.Text(threshold)); }
        table.Write(output);
    }
}
