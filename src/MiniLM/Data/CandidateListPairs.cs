namespace MiniLM.Data;

/// <summary>Lists of candidates as rows of two columns, query and document, in the order of <see cref="CandidateList.Pairs"/>.</summary>
/// <param name="path">The lists or <c>-</c>.</param>
/// <param name="format">What is repaired; the rest does not matter.</param>
/// <param name="openStandardInput">For <c>-</c>.</param>
/// <param name="cancellation">Ends what waits for a pipe.</param>
internal sealed class CandidateListPairs(string path, RowFormat format, Func<Stream>? openStandardInput = null, CancellationToken cancellation = default)
    : RowReader(format)
{
    private readonly JsonLines _lines = new(DataFile.Open(path, openStandardInput, cancellation), DataFile.Name(path));
    private readonly Queue<(string Query, string Document)> _pairs = new();

    internal override long Line => _lines.Source.Line;

    internal override long Position => _lines.Source.Position;

    internal override double? ShareRead => _lines.Source.ShareRead;

    protected override bool ReadRow(Span<string> values)
    {
        while (_pairs.Count == 0)
        {
            if (CandidateList.Read(_lines) is not { } list) { return false; }
            foreach ((string, string) pair in list.Pairs) { _pairs.Enqueue(pair); }
        }
        (values[0], values[1]) = _pairs.Dequeue();
        return true;
    }

    internal override DataFormatException Wrong(string what) => _lines.Source.Wrong(what);

    public override void Dispose() => _lines.Dispose();
}
