using System.Text.Json;
using MiniLM.Evaluation;

namespace MiniLM.Cli.Evaluate;

/// <summary>A report as members of a JSON object; what is no number is null.</summary>
internal static class RunReportJson
{
    internal static void Write(Utf8JsonWriter json, RunReport report, bool perQuery)
    {
        WriteEvaluation(json, report.Runs[0].Evaluation, perQuery);
        if (report.Runs.Length == 1) { return; }
        json.WriteStartObject("comparison");
        WriteMeasures(json, report.Comparisons[0].Measures);
        json.WriteEndObject();
        WriteComparisons(json, report.Comparisons);
        json.WriteStartArray("runs");
        foreach (EvaluatedRun run in report.Runs)
        {
            json.WriteStartObject();
            json.WriteString("run", run.Path);
            WriteEvaluation(json, run.Evaluation, perQuery);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    internal static void WriteEvaluation(Utf8JsonWriter json, RankingEvaluation evaluation, bool perQuery)
    {
        json.WriteNumber("queries", evaluation.Queries.Count);
        json.WriteNumber("ties", evaluation.Ties);
        json.WriteStartObject("mean");
        for (int measure = 0; measure < evaluation.Measures.Count; measure++)
        {
            if (evaluation.Definitions[measure].IsNumber) { WriteNumber(json, evaluation.Measures[measure], evaluation.Mean(measure)); }
        }
        json.WriteEndObject();
        if (!perQuery) { return; }
        json.WriteStartObject("per_query");
        for (int query = 0; query < evaluation.Queries.Count; query++)
        {
            json.WriteStartObject(evaluation.Queries[query]);
            for (int measure = 0; measure < evaluation.Measures.Count; measure++)
            {
                Measure definition = evaluation.Definitions[measure];
                if (definition.IsNumber) { WriteNumber(json, definition.Name, evaluation.Value(query, measure)); }
                else if (definition.Text is not null) { json.WriteString(definition.Name, evaluation.Text(query, measure)); }
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    /// <summary>All comparisons, each with the paths of its runs.</summary>
    internal static void WriteComparisons(Utf8JsonWriter json, ComparedRuns[] comparisons)
    {
        json.WriteStartArray("comparisons");
        foreach (ComparedRuns compared in comparisons)
        {
            json.WriteStartObject();
            json.WriteString("baseline", compared.Baseline.Path);
            json.WriteString("run", compared.Other.Path);
            json.WriteNumber("queries", compared.Queries);
            json.WriteStartObject("measures");
            WriteMeasures(json, compared.Measures);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteMeasures(Utf8JsonWriter json, RunComparison[] comparisons)
    {
        foreach (RunComparison comparison in comparisons)
        {
            json.WriteStartObject(comparison.Measure);
            WriteNumber(json, "difference", comparison.Difference);
            WriteNumber(json, "t", comparison.T);
            WriteNumber(json, "p", comparison.P);
            json.WriteNumber("wins", comparison.Wins);
            json.WriteNumber("losses", comparison.Losses);
            json.WriteNumber("ties", comparison.Ties);
            WriteNumber(json, "p_holm", comparison.HolmP);
            WriteNumber(json, "p_randomization", comparison.RandomizationP);
            json.WriteStartArray("interval95");
            foreach (double end in new[] { comparison.Interval.Low, comparison.Interval.High })
            {
                if (double.IsFinite(end)) { json.WriteNumberValue(end); } else { json.WriteNullValue(); }
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value)) { json.WriteNumber(name, value); } else { json.WriteNull(name); }
    }
}
