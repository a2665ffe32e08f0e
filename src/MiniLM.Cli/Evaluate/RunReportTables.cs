using System.Globalization;
using MiniLM.Cli.Commands;
using MiniLM.Data;
using MiniLM.Evaluation;

namespace MiniLM.Cli.Evaluate;

/// <summary>A report as tables, for people.</summary>
internal static class RunReportTables
{
    /// <summary>The tables with what stands above each.</summary>
    internal static IEnumerable<(string Title, TextTable Table)> Of(RunReport report, bool perQuery)
    {
        yield return ($"{string.Join(", ", report.Runs.Select(run => run.Evaluation.Queries.Count).Distinct())} queries", Means(report));
        foreach (ComparedRuns compared in report.Comparisons)
        {
            yield return ($"{Name(report, compared.Other)} less {Name(report, compared.Baseline)}, {compared.Queries} common queries", Comparison(compared));
        }
        if (!perQuery) { yield break; }
        foreach (EvaluatedRun run in report.Runs) { yield return ($"{Name(report, run)} by query", Queries(run.Evaluation)); }
    }

    /// <summary>The file's name where that tells the runs apart.</summary>
    internal static string Name(RunReport report, EvaluatedRun run)
    {
        string name = Path.GetFileName(run.Path);
        return report.Runs.Count(other => Path.GetFileName(other.Path) == name) == 1 && run.Path != DataFile.StandardInput ? name : DataFile.Name(run.Path);
    }

    private static TextTable Means(RunReport report)
    {
        TextTable table = new(["measure", .. report.Runs.Select(run => ">" + Name(report, run))]);
        RankingEvaluation first = report.Runs[0].Evaluation;
        for (int measure = 0; measure < first.Measures.Count; measure++)
        {
            Measure definition = first.Definitions[measure];
            if (definition.Summary == MeasureSummary.None) { continue; }
            table.Add([definition.Name, .. report.Runs.Select(run => definition.IsNumber ? Number(definition, run.Evaluation.Mean(measure)) : run.Run.Tag)]);
        }
        return table;
    }

    private static TextTable Comparison(ComparedRuns compared)
    {
        TextTable table = new("measure", ">difference", ">95 % interval", ">t", ">p", ">p (Holm)", ">p (random)", ">wins", ">losses", ">ties");
        foreach (RunComparison one in compared.Measures)
        {
            table.Add(one.Measure, Number(one.Difference, "+0.0000;-0.0000;0.0000"),
                $"{Number(one.Interval.Low, "f4")} to {Number(one.Interval.High, "f4")}", Number(one.T, "f3"),
                Probability(one.P), Probability(one.HolmP), Probability(one.RandomizationP),
                Number(one.Wins, "f0"), Number(one.Losses, "f0"), Number(one.Ties, "f0"));
        }
        return table;
    }

    private static TextTable Queries(RankingEvaluation evaluation)
    {
        int[] shown = [.. Enumerable.Range(0, evaluation.Measures.Count)
            .Where(measure => evaluation.Definitions[measure].Summary is not (MeasureSummary.Tag or MeasureSummary.Queries))];
        TextTable table = new(["query", .. shown.Select(measure => ">" + evaluation.Measures[measure])]);
        for (int query = 0; query < evaluation.Queries.Count; query++)
        {
            int of = query;
            table.Add([evaluation.Queries[query], .. shown.Select(measure => evaluation.Definitions[measure] is { IsNumber: true } definition
                ? Number(definition, evaluation.Value(of, measure)) : evaluation.Text(of, measure))]);
        }
        return table;
    }

    private static string Probability(double p) => p < 0.0001 ? "<0.0001" : Number(p, "f4");

    private static string Number(Measure measure, double value) => Number(value, measure.IsCount ? "f0" : "f4");

    private static string Number(double value, string format) => double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "-";
}
