using System.Globalization;
using MiniLM.Cli.Commands;
using MiniLM.Evaluation;

namespace MiniLM.Cli.Evaluate;

/// <summary>An explanation for people: counts, then every case with the beginning of its texts.</summary>
internal static class ExplanationText
{
    private const int MostChars = 160; // of a text

    internal static void Write(TextWriter output, RunExplanation explanation)
    {
        output.WriteLine($"{explanation.Lost.Count} of {explanation.Queries} queries have no relevant document within rank {explanation.Depth}");
        TextTable table = new("cause", ">queries");
        foreach (LossCause cause in Enum.GetValues<LossCause>()) { table.Add(Words(cause), $"{explanation.Count(cause)}"); }
        table.Write(output);
        foreach (LostQuery lost in explanation.Lost)
        {
            output.WriteLine();
            output.WriteLine($"{lost.Query}: {Words(lost.Cause)}{Numbers(lost)}");
            if (lost.QueryText is { } query) { output.WriteLine($"  query   {Line(query)}"); }
            output.WriteLine($"  answer  {lost.Answer}{Scored(lost.Score)}{Said(lost.AnswerText)}");
            if (lost.Top is { } top) { output.WriteLine($"  first   {top}{Scored(lost.TopScore)}{Said(lost.TopText)}"); }
        }
    }

    private static string Words(LossCause cause) => cause switch
    {
        LossCause.NotInCorpus => "not in the corpus",
        LossCause.Tied => "tied at the cutoff",
        LossCause.Truncated => "cut by the model's limit",
        LossCause.Demoted => "demoted by the reranker",
        LossCause.BelowFirstStage => "below the first stage's top",
        _ => throw new ArgumentOutOfRangeException(nameof(cause), cause, null),
    };

    private static string Numbers(LostQuery lost)
    {
        string ranks = $" (rank {lost.FirstRank?.ToString(CultureInfo.InvariantCulture) ?? "-"} in the first stage, "
            + $"{lost.Rank?.ToString(CultureInfo.InvariantCulture) ?? "-"} at the end";
        if (lost.Length is not { Beyond: > 0 } length) { return ranks + ")"; }
        string query = length.Query?.ToString(CultureInfo.InvariantCulture) ?? "?";
        return $"{ranks}; {query} + {length.Document} tokens, {length.Beyond} beyond {length.Limit})";
    }

    private static string Scored(double? score) => score is { } value ? string.Create(CultureInfo.InvariantCulture, $" ({value:g6})") : "";

    private static string Said(string? text) => text is null ? "" : $"  {Line(text)}";

    private static string Line(string text)
    {
        string line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length <= MostChars ? line : $"{line.AsSpan(0, char.IsHighSurrogate(line[MostChars - 1]) ? MostChars - 1 : MostChars)}...";
    }
}
