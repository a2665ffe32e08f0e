using System.Globalization;
using MiniLM.Data;

namespace MiniLM.Evaluation;

/// <summary>An evaluation as trec_eval prints it.</summary>
internal static class TrecEvalFormat
{
    /// <summary>Writes the lines: measure, query (<c>all</c> for the run), value.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="evaluation">Of a run.</param>
    /// <param name="qrels">What it was measured against.</param>
    /// <param name="tag">What the run calls itself.</param>
    /// <param name="perQuery">Also a block a query (trec_eval -q).</param>
    /// <param name="allQueries">Queries that the run has not count too (trec_eval -c).</param>
    internal static void Write(TextWriter output, RankingEvaluation evaluation, Qrels qrels, string tag, bool perQuery, bool allQueries)
    {
        int[] order = [.. Enumerable.Range(0, evaluation.Measures.Count).OrderBy(measure => evaluation.Definitions[measure].Place)];
        for (int query = 0; perQuery && query < evaluation.Queries.Count; query++)
        {
            foreach (int measure in order)
            {
                Measure definition = evaluation.Definitions[measure];
                if (!definition.IsPrintedPerQuery) { continue; }
                Line(evaluation.Queries[query], definition.Name,
                    definition.IsNumber ? Number(definition, evaluation.Value(query, measure)) : $"'{evaluation.Text(query, measure)}'");
            }
        }
        foreach (int measure in order)
        {
            Measure definition = evaluation.Definitions[measure];
            if (definition.Summary == MeasureSummary.None) { continue; }
            // Its -c counts what is relevant in all judgements, by grades above 0 whatever the level.
            double value = allQueries && definition.Name == "num_rel"
                ? qrels.Queries.Values.Sum(grades => grades.Values.Count(grade => grade > 0)) : evaluation.Mean(measure);
            Line("all", definition.Name, definition.IsNumber ? Number(definition, value) : tag);
        }

        void Line(string query, string measure, string value) => output.WriteLine($"{measure,-22}\t{query}\t{value}");
    }

    /// <summary>printf's %.Nf: what lies exactly between two texts goes to the even one.</summary>
    internal static string Fixed(double value, int digits)
    {
        string format = digits == 2 ? "f2" : "f4";
        // Only odd multiples of 2^-(digits + 1) lie exactly between, and a decimal holds those.
        return Math.Abs(value * (1 << (digits + 1)) % 2) == 1 ? Math.Round((decimal)value, digits).ToString(format, CultureInfo.InvariantCulture)
            : value.ToString(format, CultureInfo.InvariantCulture);
    }

    private static string Number(Measure measure, double value) => measure.IsCount ? value.ToString("f0", CultureInfo.InvariantCulture) : Fixed(value, 4);
}
