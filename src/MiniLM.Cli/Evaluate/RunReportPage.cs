using System.Text.Json;
using MiniLM.Cli.Commands;
using MiniLM.Cli.Output;
using MiniLM.Evaluation;

namespace MiniLM.Cli.Evaluate;

/// <summary>A report as one HTML file: values and differences by query, distributions of scores, precision by recall.</summary>
internal static class RunReportPage
{
    internal static string Make(RunReport report, string qrels, RankingOptions options, CancellationToken cancellation) =>
        HtmlPage.Make("evaluation.html", JsonLine.Text(json =>
        {
            json.WriteString("qrels", qrels);
            json.WriteStartArray("runs");
            foreach (EvaluatedRun run in report.Runs)
            {
                json.WriteStartObject();
                json.WriteString("name", RunReportTables.Name(report, run));
                json.WriteString("path", run.Path);
                RunReportJson.WriteEvaluation(json, run.Evaluation, perQuery: true);
                WriteCurve(json, report, run, options, cancellation);
                WriteScores(json, ScoreDistribution.Of(report.Qrels, run.Run, options.Level));
                json.WriteEndObject();
            }
            json.WriteEndArray();
            RunReportJson.WriteComparisons(json, report.Comparisons);
        }));

    private static void WriteCurve(Utf8JsonWriter json, RunReport report, EvaluatedRun run, RankingOptions options, CancellationToken cancellation)
    {
        RankingEvaluation curve = RankingEvaluation.Of(report.Qrels, run.Run, MeasureNames.Parse(["iprec_at_recall"]), options, cancellation);
        json.WriteStartArray("precision_at_recall");
        for (int recall = 0; recall < curve.Measures.Count; recall++) { json.WriteNumberValue(curve.Mean(recall)); }
        json.WriteEndArray();
    }

    private static void WriteScores(Utf8JsonWriter json, ScoreDistribution scores)
    {
        json.WriteStartObject("scores");
        if (double.IsFinite(scores.Low))
        {
            json.WriteNumber("low", scores.Low);
            json.WriteNumber("high", scores.High);
        }
        Counts("relevant", scores.Relevant);
        Counts("others", scores.Others);
        json.WriteEndObject();

        void Counts(string name, long[] counts)
        {
            json.WriteStartArray(name);
            foreach (long count in counts) { json.WriteNumberValue(count); }
            json.WriteEndArray();
        }
    }
}
