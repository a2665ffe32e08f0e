using System.Globalization;

namespace MiniLM.Cli;

/// <summary>How far some work is.</summary>
/// <param name="Rows">Done.</param>
/// <param name="Tokens">Computed; 0: they are not counted.</param>
/// <param name="Share">Part of all, 0 to 1; null: nobody knows.</param>
internal sealed record ProgressFigures(long Rows, long Tokens, double? Share)
{
    /// <summary>Done, by how much a second, and how long the rest takes at that.</summary>
    /// <param name="verb">What is done.</param>
    /// <param name="what">What rows are.</param>
    /// <param name="first">What there was when the work began.</param>
    /// <param name="seconds">Since then.</param>
    internal string Line(string verb, string what, ProgressFigures first, double seconds)
    {
        List<string> parts = [];
        if (Share is { } share) { parts.Add(Format($"{Math.Floor(100 * share):N0} %")); }
        parts.Add(Format($"{Rows:N0} {what}"));
        parts.Add(Format($"{(Rows - first.Rows) / seconds:N0} {what}/s"));
        if (Tokens > 0) { parts.Add(Format($"{(Tokens - first.Tokens) / seconds:N0} tokens/s")); }
        if (Share - first.Share is { } done and > 0 && 1 - Share is { } rest)
        {
            TimeSpan left = TimeSpan.FromSeconds(Math.Min(seconds * rest / done, TimeSpan.MaxValue.TotalSeconds / 2));
            parts.Add(left.TotalHours < 1 ? Format($"{left:m\\:ss} left") : Format($"{(long)left.TotalHours}:{left:mm\\:ss} left"));
        }
        return $"{verb}: {string.Join(", ", parts)}";
    }

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
