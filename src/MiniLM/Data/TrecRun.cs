using System.Globalization;
using System.Text;

namespace MiniLM.Data;

/// <summary>A TREC run in memory: ids once each, a line as numbers.</summary>
internal sealed class TrecRun
{
    private readonly Dictionary<string, int> _queries = new(StringComparer.Ordinal), _documents = new(StringComparer.Ordinal);

    /// <summary>A line of a run.</summary>
    /// <param name="Document">Index into <see cref="Documents"/>.</param>
    /// <param name="Score">Of the run.</param>
    /// <param name="Rank">As the file has it; 0: it has none.</param>
    internal readonly record struct Line(int Document, double Score, int Rank = 0);

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

    /// <summary>What the run calls itself, by its first line; empty: it has no name.</summary>
    internal string Tag { get; private set; } = "";

    /// <summary>Takes a line; whether its document is in the query already is the caller's to know.</summary>
    /// <returns>Where its query and document are.</returns>
    internal (int Query, int Document) Add(string query, string document, double score, int rank = 0)
    {
        int q = Index(_queries, Queries, query), d = Index(_documents, Documents, document);
        if (q == Lines.Count) { Lines.Add([]); }
        Lines[q].Add(new Line(d, score, rank));
        return (q, d);
    }

    /// <summary>Reads a run of TREC, or of MS MARCO (query, document, rank), as its first line says.</summary>
    /// <remarks>
    /// Lines end at LF, the six ASCII white-space bytes separate fields, fields after the tag are ignored. A rank of TREC may be anything; it orders equal
    /// scores where it is a number (<see cref="Top"/>). The score of MS MARCO's line is its rank, negated.
    /// </remarks>
    /// <exception cref="DataFormatException">A short line, a score or rank that is none, a document twice in a query, or no lines.</exception>
    internal static TrecRun Read(string path, Func<Stream>? openStandardInput = null, CancellationToken cancellation = default)
    {
        using LineReader lines = new(DataFile.Open(path, openStandardInput, cancellation), DataFile.Name(path));
        TrecRun run = new();
        HashSet<(int Query, int Document)> seen = [];
        bool? hasOnlyRanks = null;
        Span<Range> fields = stackalloc Range[6];
        while (lines.Read(out ReadOnlySpan<byte> line))
        {
            cancellation.ThrowIfCancellationRequested();
            int count = TrecFields.Split(line, fields);
            if (count == 0) { continue; }
            bool isRank = hasOnlyRanks ??= count == 3;
            if (isRank ? count != 3 : count < 6) { throw lines.Wrong($"has {count} field(s). {Form(isRank)}"); }
            string query = TrecFields.Text(lines, line[fields[0]]), document = TrecFields.Text(lines, line[fields[isRank ? 1 : 2]]);
            int rank = Rank(line[fields[isRank ? 2 : 3]]);
            if (isRank && rank == 0)
            {
                throw lines.Wrong($"the rank {Quoted.Text(Encoding.UTF8.GetString(line[fields[2]]))} is not a whole number from 1. Write one.");
            }
            double score = isRank ? -rank : Score(lines, line[fields[4]]);
            if (!isRank && run.Queries.Count == 0) { run.Tag = TrecFields.Text(lines, line[fields[5]]); }
            if (!seen.Add(run.Add(query, document, score, rank)))
            {
                throw lines.Wrong($"document {Quoted.Text(document)} is twice in query {Quoted.Text(query)}. Leave one of them.");
            }
        }
        return run.Queries.Count > 0 ? run : throw new DataFormatException($"{lines.Name}: has no lines. A run has lines 'query Q0 document rank score tag'.");
    }

    private static string Form(bool isRank) => isRank ? "A line of this file has three: query document rank."
        : "A run has six: query Q0 document rank score tag.";

    /// <summary>The first lines of every query, best first: score down, equal ones by rank, those without or with the same in the order of the file.</summary>
    /// <param name="depth">Most lines of a query.</param>
    internal TrecRun Top(int depth = int.MaxValue)
    {
        TrecRun top = new() { Tag = Tag };
        for (int query = 0; query < Queries.Count; query++)
        {
            foreach (Line line in Lines[query].OrderByDescending(line => line.Score).ThenBy(line => line.Rank).Take(depth))
            {
                top.Add(Queries[query], Documents[line.Document], line.Score, line.Rank);
            }
        }
        return top;
    }

    /// <summary>Documents of a query as trec_eval ranks them.</summary>
    internal IEnumerable<string> Ranking(int query) => RankedLines(query).Select(line => Documents[line.Document]);

    /// <summary>Lines of a query as trec_eval ranks them: float32 score down, then id down by bytes.</summary>
    internal Line[] RankedLines(int query)
    {
        Line[] lines = [.. Lines[query]];
        lines.AsSpan().Sort((a, b) => ((float)b.Score).CompareTo((float)a.Score) is not 0 and int order ? order
            : Utf8Order.Instance.Compare(Documents[b.Document], Documents[a.Document]));
        return lines;
    }

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

    private static int Rank(ReadOnlySpan<byte> bytes) => int.TryParse(bytes, NumberStyles.None, CultureInfo.InvariantCulture, out int rank) ? rank : 0;

    private static int Index(Dictionary<string, int> known, List<string> ids, string id)
    {
        if (known.TryGetValue(id, out int index)) { return index; }
        known.Add(id, ids.Count);
        ids.Add(id);
        return ids.Count - 1;
    }
}
