using System.Globalization;
using System.Text.Json;
using MiniLM.Mining;

namespace MiniLM.Cli.Commands;

/// <summary>What was mined, with the numbers that <c>mine_hard_negatives</c> prints.</summary>
internal sealed class MiningReport(MiningOptions options, MiningTexts texts, HardNegatives negatives, MiningStatistics statistics)
{
    private static readonly (string Name, Func<ScoreSummary, double> Of)[] Measures =
    [
        ("mean", scores => scores.Mean),
        ("median", scores => scores.Median),
        ("std", scores => scores.StandardDeviation),
        ("min", scores => scores.At(0)),
        ("25%", scores => scores.At(.25)),
        ("50%", scores => scores.At(.5)),
        ("75%", scores => scores.At(.75)),
        ("max", scores => scores.At(1)),
    ];

    private readonly (string Name, ScoreSummary Scores)[] _summaries =
        [("positive", statistics.Positive), ("negative", statistics.Negative), ("difference", statistics.Difference)];

    private IEnumerable<(string Name, float? Limit, long Skipped)> Skipped => new (string Name, float? Limit, MiningRule Rule)[]
    {
        ("absolute_margin", options.AbsoluteMargin, MiningRule.AbsoluteMargin),
        ("relative_margin", options.RelativeMargin, MiningRule.RelativeMargin),
        ("max_score", options.MaxScore, MiningRule.MaxScore),
        ("min_score", options.MinScore, MiningRule.MinScore),
    }.Where(rule => rule.Limit is not null).Select(rule => (rule.Name, rule.Limit, negatives.Selection.Skipped(rule.Rule)));

    internal void WriteJson(Utf8JsonWriter json)
    {
        json.WriteNumber("queries", statistics.Queries);
        json.WriteNumber("documents", texts.Documents.Count);
        json.WriteNumber("range_max", negatives.LastRank);
        json.WriteNumber("rows", statistics.Rows);
        json.WriteNumber("missing_rows", statistics.MostRows - statistics.Rows);
        json.WriteNumber("candidates", negatives.Selection.Candidates);
        json.WriteStartObject("skipped");
        foreach ((string name, _, long skipped) in Skipped) { json.WriteNumber(name, skipped); }
        json.WriteEndObject();
        foreach ((string name, ScoreSummary scores) in _summaries)
        {
            json.WriteStartObject(name);
            json.WriteNumber("count", scores.Count);
            foreach ((string measure, Func<ScoreSummary, double> of) in Measures) { json.WriteMeasure(measure, of(scores)); }
            json.WriteEndObject();
        }
    }

    internal void WriteTable(TextWriter writer)
    {
        TextTable table = new(["", .. _summaries.Select(summary => ">" + summary.Name)]);
        table.Add(["count", .. _summaries.Select(summary => summary.Scores.Count.ToString("N0", CultureInfo.InvariantCulture))]);
        foreach ((string measure, Func<ScoreSummary, double> of) in Measures)
        {
            table.Add([measure, .. _summaries.Select(summary => MeasureReport.Text(of(summary.Scores)))]);
        }
        table.Write(writer);
        long candidates = negatives.Selection.Candidates, rows = statistics.Rows, missing = statistics.MostRows - rows;
        writer.WriteLine(Line($"queries {statistics.Queries:N0}, documents {texts.Documents.Count:N0}, ranks {negatives.LastRank:N0}, rows {rows:N0}"));
        foreach ((string name, float? limit, long skipped) in Skipped)
        {
            writer.WriteLine(Line($"skipped by {name} {limit}: {skipped:N0} of {candidates:N0} candidates ({Share(skipped, candidates)})"));
        }
        if (missing == 0) { return; }
        string[] remedies = ["range_max", .. options.RangeMin > 0 ? ["range_min"] : Array.Empty<string>(), .. Skipped.Select(rule => rule.Name)];
        writer.WriteLine(Line($"negatives are missing for {missing:N0} of {statistics.MostRows:N0} rows ({Share(missing, statistics.MostRows)}): ")
            + $"change {string.Join(" or ", remedies)} to find more");
    }

    private static string Line(FormattableString line) => line.ToString(CultureInfo.InvariantCulture);

    private static string Share(long part, long whole) => Line($"{(double)part / Math.Max(whole, 1):P2}");
}
