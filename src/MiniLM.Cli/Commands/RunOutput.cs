using System.Globalization;
using System.Text;
using MiniLM.Cli.Output;
using MiniLM.Data;

namespace MiniLM.Cli.Commands;

/// <summary>A TREC run on its way to a file, which appears when it is complete, or to standard output.</summary>
internal sealed class RunOutput : IDisposable
{
    private readonly string _path;
    private readonly TextWriter _writer;
    private readonly PartialFile? _file;
    private bool _complete;

    /// <exception cref="IOException">The file exists and is not to be overwritten, or cannot be made.</exception>
    internal RunOutput(string path, bool overwrite, Session session)
    {
        _path = path;
        if (path == "-")
        {
            _writer = session.OutputText;
            return;
        }
        OutputTarget.Check(path, overwrite);
        _file = PartialFile.Create(Partial);
        _writer = new StreamWriter(_file, new UTF8Encoding(false), 1 << 16) { NewLine = "\n" };
    }

    private string Partial => _path + ".partial";

    /// <summary>A line; the score in the shortest form that reads back as the same float, so that different scores stay different.</summary>
    internal void Write(string query, string document, int rank, float score) =>
        _writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{query} Q0 {document} {rank} {score} minilm"));

    internal void Complete()
    {
        _writer.Flush();
        if (_file is not null)
        {
            _file.Complete(_path);
        }
        _complete = true;
    }

    /// <summary>Removes what is not complete.</summary>
    public void Dispose()
    {
        if (_file is null || _complete) { return; }
        try { _file.Dispose(); }
        catch (IOException) { } // a full disk was reported by the write that met it
        File.Delete(Partial);
    }
}
