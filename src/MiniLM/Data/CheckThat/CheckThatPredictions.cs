using System.Globalization;
using System.Text;

namespace MiniLM.Data.CheckThat;

/// <summary>Writes predictions as CheckThat! 2025, task 4b takes them: post_id TAB preds, the ids as Python prints a list of them.</summary>
internal static class CheckThatPredictions
{
    /// <summary>A line a query of the run, in its order, best documents first (<see cref="TrecRun.Top"/>).</summary>
    internal static void Write(TrecRun run, int topK, TextWriter output)
    {
        output.Write("post_id\tpreds\n");
        TrecRun top = run.Top(topK);
        for (int query = 0; query < top.Queries.Count; query++)
        {
            string[] documents = [.. top.Lines[query].Select(line => Repr(top.Documents[line.Document]))];
            output.Write($"{Field(top.Queries[query])}\t{Field($"[{string.Join(", ", documents)}]")}\n");
        }
    }

    /// <summary>A text as Python's repr writes it: in single quotes, in double ones where it holds only single ones; unprintables are escaped.</summary>
    internal static string Repr(string text)
    {
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        StringBuilder repr = new();
        repr.Append(quote);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (rune.Value == quote || rune.Value == '\\') { repr.Append('\\').Append((char)rune.Value); }
            else if (IsPrintable(rune)) { repr.Append(rune.ToString()); }
            else { repr.Append(Escape(rune.Value)); }
        }
        return repr.Append(quote).ToString();
    }

    // Python's str.isprintable: nothing of Unicode's categories "other" and "separator", but for the blank.
    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control
        or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    private static string Escape(int code) => code switch
    {
        '\t' => "\\t",
        '\n' => "\\n",
        '\r' => "\\r",
        < 0x100 => $"\\x{code:x2}",
        < 0x10000 => $"\\u{code:x4}",
        _ => $"\\U{code:x8}",
    };

    // As csv writers quote.
    private static string Field(string text) => text.AsSpan().ContainsAny("\t\r\n\"") ? $"\"{text.Replace("\"", "\"\"")}\"" : text;
}
