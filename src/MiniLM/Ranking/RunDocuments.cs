using MiniLM.Data;

namespace MiniLM.Ranking;

/// <summary>
/// Texts of a run's documents, looked up by their places in the corpus when they are needed. What can be read only once (.gz, a pipe) is kept in memory.
/// </summary>
/// <remarks>One caller at a time.</remarks>
internal sealed class RunDocuments : IDisposable
{
    private readonly TextCollection _corpus;
    private readonly List<string> _ids;
    private readonly string _name;
    private readonly long[] _starts;
    private readonly int[] _lengths;
    private readonly string[]? _texts;

    private RunDocuments(TextCollection corpus, List<string> ids, string name)
    {
        (_corpus, _ids, _name, _starts, _lengths) = (corpus, ids, name, new long[ids.Count], new int[ids.Count]);
        if (!corpus.CanSeek) { _texts = new string[ids.Count]; }
    }

    /// <summary>Finds the documents.</summary>
    /// <param name="corpus">Becomes the result's, and is closed when this call fails.</param>
    /// <param name="run">Names the documents.</param>
    /// <param name="name">Of the corpus, for messages.</param>
    /// <param name="runName">Of the run.</param>
    /// <param name="cancellation">Looked at for every text.</param>
    /// <exception cref="DataFormatException">A line is damaged, or a document is missing.</exception>
    internal static RunDocuments Find(TextCollection corpus, TrecRun run, string name, string runName, CancellationToken cancellation)
    {
        RunDocuments documents = new(corpus, run.Documents, name);
        try { new RunCollection("document", run.Documents, run.FindDocument, name, runName).Read(corpus, documents.Take, cancellation); }
        catch
        {
            corpus.Dispose();
            throw;
        }
        return documents;
    }

    /// <summary>Characters of a document's text.</summary>
    internal int Length(int document) => _lengths[document];

    /// <summary>A document's text.</summary>
    /// <exception cref="DataFormatException">The file is no longer what it was.</exception>
    internal string Read(int document)
    {
        if (_texts is not null) { return _texts[document]; }
        _corpus.Seek(_starts[document]);
        try
        {
            if (_corpus.Read(out Document found) && found.Id == _ids[document]) { return found.Joined; }
        }
        catch (DataFormatException) { } // what is there now is no document
        throw new DataFormatException($"{_name}: document {Quoted.Text(_ids[document])} is no longer at byte {_starts[document]}: "
            + "the file was changed while it was read. Run again.");
    }

    private void Take(int index, Document document, long start)
    {
        string text = document.Joined;
        (_starts[index], _lengths[index]) = (start, text.Length);
        if (_texts is not null) { _texts[index] = text; }
    }

    public void Dispose() => _corpus.Dispose();
}
