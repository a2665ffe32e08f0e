namespace MiniLM.Data;

/// <summary>Writes a TREC run.</summary>
internal static class TrecRunLine
{
    private static ReadOnlySpan<byte> TagAndEnd => " minilm\n"u8;

    /// <summary>A line: query Q0 document rank score tag.</summary>
    /// <param name="text">Where it goes.</param>
    /// <param name="query">Id without white space.</param>
    /// <param name="document">Likewise.</param>
    /// <param name="rank">From 1.</param>
    /// <param name="score">In its shortest form: unequal ones stay unequal.</param>
    internal static void WriteRunLine(this Utf8Writer text, string query, string document, int rank, float score)
    {
        text.Write(query);
        text.Write(" Q0 "u8);
        text.Write(document);
        text.Write(" "u8);
        text.Write(rank);
        text.Write(" "u8);
        text.Write(score);
        text.Write(TagAndEnd);
    }
}
