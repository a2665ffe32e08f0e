using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>A file built as OUT.partial, and renamed when it is complete; whatever ends the run before leaves nothing.</summary>
internal sealed class WholeFile : RowOutput
{
    private readonly string _path;
    private readonly PartialFile _file;
    private readonly bool _overwrite;
    private bool _isFinished;

    /// <exception cref="IOException">The file exists and is not to be overwritten, or cannot be made.</exception>
    internal WholeFile(string path, bool overwrite)
    {
        OutputTarget.Check(path, overwrite);
        (_path, _overwrite) = (path, overwrite);
        _file = PartialFile.Create(path + ".partial");
        Text = new Utf8Writer(_file);
    }

    internal override Utf8Writer Text { get; }

    internal override void WriteBytes(ReadOnlySpan<byte> bytes) => _file.Write(bytes);

    internal override void Checkpoint() => Text.Flush();

    internal override void Finish(ReadOnlySpan<byte> header)
    {
        Text.Flush();
        if (header.Length > 0) { RandomAccess.Write(_file.SafeFileHandle, header, 0); }
        _file.Complete(_path, _overwrite);
        _isFinished = true;
    }

    public override void Dispose()
    {
        Text.Dispose();
        if (!_isFinished) { _file.Delete(); }
    }
}
