namespace MiniLM.Cli.Commands;

/// <summary>Rows with aligned columns, for people; as wide as they are, so that a pipe gets what a terminal shows.</summary>
/// <param name="columns">Headings; one that begins with '&gt;' is aligned to the right.</param>
internal sealed class TextTable(params string[] columns)
{
    private readonly List<string[]> _rows = [[.. columns.Select(column => column.TrimStart('>'))]];

    internal void Add(params string[] cells) => _rows.Add(cells);

    internal void Write(TextWriter writer)
    {
        int[] widths = [.. columns.Select((_, i) => _rows.Max(row => row[i].Length))];
        foreach (string[] row in _rows)
        {
            IEnumerable<string> cells = row.Select((cell, i) => columns[i].StartsWith('>') ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]));
            writer.WriteLine(string.Join("  ", cells).TrimEnd());
        }
    }

    /// <summary>The same rows as Markdown.</summary>
    internal void WriteMarkdown(TextWriter writer)
    {
        for (int row = 0; row < _rows.Count; row++)
        {
            Line(_rows[row].Select(cell => cell.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("|", "\\|", StringComparison.Ordinal)));
            if (row == 0) { Line(columns.Select(column => column.StartsWith('>') ? "---:" : "---")); }
        }

        void Line(IEnumerable<string> cells) => writer.WriteLine($"| {string.Join(" | ", cells)} |");
    }
}
