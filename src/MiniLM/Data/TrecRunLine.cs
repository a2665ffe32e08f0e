namespace MiniLM.Data;

/// <summary>Writes a TREC run.</summary>
internal static class TrecRunLine
{
    /// <summary>What a run of this program calls itself.</summary>
    internal const string DefaultTag = "minilm";

    /// <summary>A line: query Q0 document rank score tag.</summary>
    /// <param name="text">Where it goes.</param>
    /// <param name="query">Id without white space.</param>
    /// <param name="document">Likewise.</param>
    /// <param name="rank">From 1.</param>
    /// <param name="score">In its shortest form: unequal ones stay unequal.</param>
    /// <param name="tag">Without white space.</param>
    internal static void WriteRunLine<T>(this Utf8Writer text, string query, string document, int rank, T score, string tag = DefaultTag)
        where T : struct, IUtf8SpanFormattable
    {
        text.Write(query);
        text.Write(" Q0 "u8);
        text.Write(document);
        text.Write(" "u8);
        text.Write(rank);
        text.Write(" "u8);
        text.Write(score);
        text.Write(" "u8);
        text.Write(tag);
        text.Write("\n"u8);
    }
}
