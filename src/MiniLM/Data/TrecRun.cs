using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace MiniLM.Data;

/// <summary>A TREC run in memory: ids once each, a line as numbers.</summary>
internal sealed class TrecRun
{
    private readonly Dictionary<string, int> _queries = new(StringComparer.Ordinal), _documents = new(StringComparer.Ordinal);

    /// <summary>A line of a run.</summary>
    /// <param name="Document">Index into <see cref="Documents"/>.</param>
    /// <param name="Score">Of the run.</param>
    internal readonly record struct Line(int Document, double Score);

    /// <summary>Query ids in the order of their first lines.</summary>
    internal List<string> Queries { get; } = [];

    /// <summary>Document ids in the order of their first lines.</summary>
    internal List<string> Documents { get; } = [];

    /// <summary>Per query its lines in the order of the file.</summary>
    internal List<List<Line>> Lines { get; } = [];

    /// <summary>Index of a document id; -1: the run does not name it.</summary>
    internal int FindDocument(string id) => _documents.GetValueOrDefault(id, -1);

    /// <summary>Index of a query id; -1: the run does not name it.</summary>
    internal int FindQuery(string id) => _queries.GetValueOrDefault(id, -1);

    /// <summary>Reads a run: lines end at LF, the six ASCII white-space bytes separate fields, fields after the tag are ignored, the rank too.</summary>
    /// <exception cref="DataFormatException">A short line, a score that is no number, a document twice in a query, or no lines.</exception>
    internal static TrecRun Read(string path, Func<Stream>? openStandardInput = null, CancellationToken cancellation = default)
    {
        using LineReader lines = new(DataFile.Open(path, openStandardInput), DataFile.Name(path));
        TrecRun run = new();
        HashSet<(int Query, int Document)> seen = [];
        Span<Range> fields = stackalloc Range[6];
        while (lines.Read(out ReadOnlySpan<byte> line))
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Split(line, fields);
            if (count == 0) { continue; }
            if (count < 6) { throw lines.Wrong($"has {count} field(s). A run has six: query Q0 document rank score tag."); }
            string query = Id(lines, line[fields[0]]), document = Id(lines, line[fields[2]]);
            double score = Score(lines, line[fields[4]]);
            int q = Index(run._queries, run.Queries, query), d = Index(run._documents, run.Documents, document);
            if (q == run.Lines.Count) { run.Lines.Add([]); }
            if (!seen.Add((q, d)))
            {
                throw lines.Wrong($"document {Quoted.Text(document)} is twice in query {Quoted.Text(query)}. Leave one of them.");
            }
            run.Lines[q].Add(new Line(d, score));
        }
        return run.Queries.Count > 0 ? run : throw new DataFormatException($"{lines.Name}: has no lines. A run has lines 'query Q0 document rank score tag'.");
    }

    /// <summary>Documents of a query as trec_eval ranks them: float32 score down, then id down by bytes.</summary>
    internal IEnumerable<string> Ranking(int query) => Lines[query]
        .OrderByDescending(line => (float)line.Score)
        .ThenByDescending(line => Encoding.UTF8.GetBytes(Documents[line.Document]), Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)))
        .Select(line => Documents[line.Document]);

    private static int Split(ReadOnlySpan<byte> line, Span<Range> fields)
    {
        int count = 0, at = 0;
        while (count < fields.Length)
        {
            while (at < line.Length && IsSpace(line[at])) { at++; }
            if (at == line.Length) { break; }
            int start = at;
            while (at < line.Length && !IsSpace(line[at])) { at++; }
            fields[count++] = start..at;
        }
        return count;
    }

    private static bool IsSpace(byte value) => value is (byte)' ' or (>= 9 and <= 13);

    private static string Id(LineReader lines, ReadOnlySpan<byte> bytes) =>
        Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw lines.Wrong("not UTF-8. Save the file as UTF-8.");

    private static double Score(LineReader lines, ReadOnlySpan<byte> bytes)
    {
        const NumberStyles Decimal = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (double.TryParse(bytes, Decimal, CultureInfo.InvariantCulture, out double score) && !double.IsNaN(score)) { return score; }
        string text = Encoding.UTF8.GetString(bytes);
        return text.ToLowerInvariant() switch
        {
            "inf" or "+inf" or "infinity" or "+infinity" => double.PositiveInfinity,
            "-inf" or "-infinity" => double.NegativeInfinity,
            _ => throw lines.Wrong($"the score {Quoted.Text(text)} is not a number. Write a decimal number."),
        };
    }

    private static int Index(Dictionary<string, int> known, List<string> ids, string id)
    {
        if (known.TryGetValue(id, out int index)) { return index; }
        known.Add(id, ids.Count);
        ids.Add(id);
        return ids.Count - 1;
    }
}
