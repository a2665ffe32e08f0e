using System.Text.Json;
using MiniLM.Cli.Commands;
using MiniLM.Evaluation;

namespace MiniLM.Cli.Evaluate;

/// <summary>An explanation as JSON; what is not there is null.</summary>
internal static class ExplanationJson
{
    internal static void Write(Utf8JsonWriter json, RunExplanation explanation)
    {
        json.WriteNumber("queries", explanation.Queries);
        json.WriteNumber("depth", explanation.Depth);
        json.WriteNumber("lost", explanation.Lost.Count);
        json.WriteStartObject("causes");
        foreach (LossCause cause in Enum.GetValues<LossCause>()) { json.WriteNumber(Name(cause), explanation.Count(cause)); }
        json.WriteEndObject();
        json.WriteStartArray("cases");
        foreach (LostQuery lost in explanation.Lost) { WriteCase(json, lost); }
        json.WriteEndArray();
    }

    private static void WriteCase(Utf8JsonWriter json, LostQuery lost)
    {
        json.WriteStartObject();
        json.WriteString("query", lost.Query);
        json.WriteString("cause", Name(lost.Cause));
        json.WriteString("query_text", lost.QueryText);
        json.WriteString("answer", lost.Answer);
        json.WriteString("answer_text", lost.AnswerText);
        WriteNumber("first_rank", lost.FirstRank);
        WriteNumber("rank", lost.Rank);
        json.WriteMeasure("score", lost.Score ?? double.NaN);
        json.WriteMeasure("score_at_depth", lost.ScoreAtDepth ?? double.NaN);
        json.WriteString("top", lost.Top);
        json.WriteMeasure("top_score", lost.TopScore ?? double.NaN);
        json.WriteString("top_text", lost.TopText);
        WriteNumber("query_tokens", lost.Length?.Query);
        WriteNumber("answer_tokens", lost.Length?.Document);
        WriteNumber("limit", lost.Length?.Limit);
        WriteNumber("tokens_beyond", lost.Length?.Beyond);
        json.WriteEndObject();

        void WriteNumber(string name, int? number)
        {
            if (number is { } value) { json.WriteNumber(name, value); } else { json.WriteNull(name); }
        }
    }

    private static string Name(LossCause cause) => JsonNamingPolicy.SnakeCaseLower.ConvertName(cause.ToString());
}
