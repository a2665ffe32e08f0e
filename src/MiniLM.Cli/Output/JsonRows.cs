using System.Buffers;
using System.Globalization;
using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>Result rows as JSON lines.</summary>
internal static class JsonRows
{
    private static readonly SearchValues<char> Escaped = SearchValues.Create([.. Enumerable.Range(0, 32).Select(code => (char)code), '"', '\\']);

    /// <summary>{"embedding":[...]}</summary>
    internal static void WriteEmbedding(this Utf8Writer rows, ReadOnlySpan<float> embedding)
    {
        rows.Write("{\"embedding\":"u8);
        rows.WriteArray(embedding);
        rows.Write("}\n"u8);
    }

    /// <summary>{"index":i,"score":x,"logits":[...]}; without logits when there are none.</summary>
    internal static void WriteScore(this Utf8Writer rows, long index, float score, ReadOnlySpan<float> logits)
    {
        rows.Write("{\"index\":"u8);
        rows.Write(index);
        rows.Write(",\"score\":"u8);
        rows.Write(score);
        if (logits.Length > 0)
        {
            rows.Write(",\"logits\":"u8);
            rows.WriteArray(logits);
        }
        rows.Write("}\n"u8);
    }

    /// <summary>{"index":i,"scores":[...],"logits":[...]}: a score a label.</summary>
    internal static void WriteScores(this Utf8Writer rows, long index, ReadOnlySpan<float> scores, ReadOnlySpan<float> logits)
    {
        rows.Write("{\"index\":"u8);
        rows.Write(index);
        rows.Write(",\"scores\":"u8);
        rows.WriteArray(scores);
        rows.Write(",\"logits\":"u8);
        rows.WriteArray(logits);
        rows.Write("}\n"u8);
    }

    /// <summary>Text as a JSON string.</summary>
    internal static void WriteString(this Utf8Writer rows, ReadOnlySpan<char> text)
    {
        rows.Write("\""u8);
        while (text.Length > 0)
        {
            int plain = text.IndexOfAny(Escaped);
            if (plain < 0) { plain = text.Length; }
            rows.Write(text[..plain]);
            if (plain == text.Length) { break; }
            char c = text[plain];
            if (c is '"' or '\\') { rows.Write(c == '"' ? "\\\""u8 : "\\\\"u8); }
            else { rows.Write(string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}")); }
            text = text[(plain + 1)..];
        }
        rows.Write("\""u8);
    }

    internal static void WriteArray(this Utf8Writer rows, ReadOnlySpan<float> values)
    {
        rows.Write("["u8);
        for (int i = 0; i < values.Length; i++)
        {
            if (i > 0) { rows.Write(","u8); }
            rows.Write(values[i]);
        }
        rows.Write("]"u8);
    }
}
