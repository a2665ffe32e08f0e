using System.Globalization;
using System.Text;

namespace MiniLM.Data;

/// <summary>Relevance judgements in memory. A grade below 0: pooled, but not judged.</summary>
internal sealed class Qrels
{
    internal const string Header = "query-id\tcorpus-id\tscore";

    private readonly Dictionary<string, Dictionary<string, int>> _queries = new(StringComparer.Ordinal);

    /// <summary>Per query the grades of its documents.</summary>
    internal IReadOnlyDictionary<string, Dictionary<string, int>> Queries => _queries;

    /// <summary>The highest grade; at least 0.</summary>
    internal int MaxGrade { get; private set; }

    /// <summary>Takes a judgement.</summary>
    /// <returns>False: the document is judged already.</returns>
    internal bool Add(string query, string document, int grade)
    {
        if (!_queries.TryGetValue(query, out Dictionary<string, int>? grades)) { _queries.Add(query, grades = new(StringComparer.Ordinal)); }
        MaxGrade = Math.Max(MaxGrade, grade);
        return grades.TryAdd(document, grade);
    }

    /// <summary>Reads judgements: TREC's lines 'query 0 document grade' (what follows is ignored); BEIR's table, known by its header; or .json.</summary>
    /// <exception cref="DataFormatException">A short line, a grade that is no whole number, a document judged twice in a query, or no judgements.</exception>
    internal static Qrels Read(string path, Func<Stream>? openStandardInput = null, CancellationToken cancellation = default)
    {
        Qrels qrels = new();
        if (DataFile.Suffix(path) == ".json")
        {
            using Stream json = DataFile.Open(path, cancellation: cancellation);
            QrelsJson.Read(json, DataFile.Name(path), qrels);
        }
        else { ReadLines(path, openStandardInput, qrels, cancellation); }
        return qrels.Queries.Count > 0 ? qrels
            : throw new DataFormatException($"{DataFile.Name(path)}: has no judgements. It has lines 'query 0 document grade'.");
    }

    private static void ReadLines(string path, Func<Stream>? openStandardInput, Qrels qrels, CancellationToken cancellation)
    {
        using LineReader lines = new(DataFile.Open(path, openStandardInput, cancellation), DataFile.Name(path));
        bool? isBeir = null;
        Span<Range> fields = stackalloc Range[4];
        while (lines.Read(out ReadOnlySpan<byte> line))
        {
            cancellation.ThrowIfCancellationRequested();
            int count = TrecFields.Split(line, fields);
            if (count == 0) { continue; }
            if (isBeir is null && (bool)(isBeir = line.SequenceEqual(Encoding.UTF8.GetBytes(Header)))) { continue; }
            if (isBeir.Value) { count = SplitAtTabs(line, fields); }
            if (count != (isBeir.Value ? 3 : 4)) { throw lines.Wrong(WrongCount(count, isBeir.Value)); }
            string query = TrecFields.Text(lines, line[fields[0]]), document = TrecFields.Text(lines, line[fields[isBeir.Value ? 1 : 2]]);
            if (!qrels.Add(query, document, Grade(lines, line[fields[count - 1]])))
            {
                throw lines.Wrong($"document {Quoted.Text(document)} is judged twice in query {Quoted.Text(query)}. Leave one of them.");
            }
        }
    }

    private static string WrongCount(int count, bool isBeir) => isBeir
        ? $"has {count} field(s). A line of a BEIR file has three, with tabs between them: query-id, corpus-id, score."
        : $"has {count} field(s). A line has four: query 0 document grade; a BEIR file begins with the line query-id, corpus-id, score.";

    // BEIR's ids may hold blanks.
    private static int SplitAtTabs(ReadOnlySpan<byte> line, Span<Range> fields)
    {
        int count = 0;
        foreach (Range field in line.Split((byte)'\t'))
        {
            if (count == fields.Length) { break; }
            fields[count++] = field;
        }
        return count;
    }

    private static int Grade(LineReader lines, ReadOnlySpan<byte> bytes)
    {
        if (int.TryParse(bytes, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int grade)) { return grade; }
        throw lines.Wrong($"the grade {Quoted.Text(Encoding.UTF8.GetString(bytes))} is not a whole number of 32 bits. Write one, 0 for not relevant.");
    }
}
