using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>A file built as OUT.partial beside OUT.partial.json, and renamed when it is complete.</summary>
/// <remarks>SIGKILL, SIGINT and SIGTERM leave just these two, to be resumed. An error leaves nothing, unless the run had gone on with an earlier one's rows.</remarks>
internal sealed class ResumableFile : RowOutput
{
    private readonly string _path;
    private readonly PartialFile _file;
    private readonly PartialState _state;
    private readonly Session _session;
    private readonly bool _canResume;
    private bool _isFinished;

    private ResumableFile(string path, PartialFile file, PartialState state, bool canResume, Session session)
    {
        (_path, _file, _state, _canResume, _session) = (path, file, state, canResume, session);
        (Rows, Inputs, Truncated, Ties) = (state.Rows, state.Inputs, state.Truncated, state.Ties);
        Text = new Utf8Writer(file);
    }

    internal override Utf8Writer Text { get; }

    /// <summary>Refuses, before any work, what could not be written at the end.</summary>
    /// <exception cref="IOException">The folder is missing, or something is there.</exception>
    internal static void Check(string path, bool overwrite, bool resume)
    {
        OutputTarget.Check(path, overwrite);
        if (Partial(path).FirstOrDefault(File.Exists) is { } left && !overwrite && !resume)
        {
            throw new IOException($"{left}: left by an unfinished run. Use --resume to go on with it or --overwrite to start afresh.");
        }
    }

    /// <summary>Opens the partial file, afresh or where it ended.</summary>
    /// <param name="path">The file to be.</param>
    /// <param name="resume">Go on if there is something to go on with.</param>
    /// <param name="identity">What the rows depend on.</param>
    /// <param name="header">First bytes of a fresh file.</param>
    /// <param name="session">For what is said, and the signals that keep the partial file.</param>
    internal static ResumableFile Open(string path, bool resume, RunIdentity identity, ReadOnlySpan<byte> header, Session session)
    {
        string[] partial = Partial(path);
        if (resume && !identity.CanResume)
        {
            throw new UsageException("--resume: standard input and pipes cannot be read again. Give the input as a file");
        }
        if (identity.IsReadOnce) { session.Say("the input can be read only once: this run cannot be resumed"); }
        if (resume && partial.Any(File.Exists))
        {
            PartialFile left = PartialFile.OpenAlone(partial[0]);
            try
            {
                if (left.Length > 0 && PartialState.IsBlank(partial[1]))
                {
                    throw new IOException($"--resume: {partial[1]}, which says how much of {partial[0]} is done, is missing or empty. Use --overwrite to start afresh.");
                }
                if (PartialState.Open(partial[1], identity) is { } state) { return Take(path, left, state, identity, session); }
            }
            catch
            {
                left.Dispose();
                throw;
            }
            left.Dispose();
        }
        if (resume) { session.Say($"{partial[0]}: nothing to go on with, starting afresh"); }
        try
        {
            PartialFile file = PartialFile.OpenAlone(partial[0]);
            file.SetLength(0);
            PartialState fresh = PartialState.Create(partial[1], identity);
            ResumableFile output = new(path, file, fresh, identity.CanResume, session);
            try { output.WriteBytes(header); }
            catch
            {
                output.Dispose();
                throw;
            }
            return output;
        }
        catch (Exception error) when (error is not BusyOutputException)
        {
            Delete(path);
            if (error.InnerException is null && PartialFile.IsFailure(error)) { throw PartialFile.Failure(path, error); }
            throw;
        }
    }

    private static ResumableFile Take(string path, PartialFile file, PartialState state, RunIdentity identity, Session session)
    {
        if (file.Length < state.Bytes)
        {
            state.Dispose();
            throw new IOException($"--resume: {file.Name} has {file.Length} bytes, its .json says {state.Bytes}. Use --overwrite to start afresh.");
        }
        file.SetLength(state.Bytes);
        file.Position = state.Bytes;
        file.IsKept = state.Rows > 0;
        session.Say($"{path}: going on after {state.Rows} rows");
        return new ResumableFile(path, file, state, identity.CanResume, session);
    }

    internal override void WriteBytes(ReadOnlySpan<byte> bytes) => _file.Write(bytes);

    internal override void Checkpoint()
    {
        Text.Flush();
        (_state.Rows, _state.Bytes, _state.Inputs, _state.Truncated, _state.Ties) = (Rows, _file.Position, Inputs, Truncated, Ties);
        _state.Save();
    }

    internal override void Finish(ReadOnlySpan<byte> header)
    {
        Checkpoint();
        if (header.Length > 0) { RandomAccess.Write(_file.SafeFileHandle, header, 0); }
        _file.Complete(_path);
        _isFinished = true;
        _state.Dispose();
        File.Delete(Partial(_path)[1]);
    }

    public override void Dispose()
    {
        Text.Dispose();
        _file.Dispose();
        _state.Dispose();
        if (_isFinished || (_canResume && _session.Cancellation.IsCancellationRequested)) { return; }
        if (_file.IsKept) { _session.Kept = $"{_file.Name} is kept with {_state.Rows} rows: --resume goes on with them."; }
        else { Delete(_path); }
    }

    private static string[] Partial(string path) => [path + ".partial", path + ".partial.json"];

    private static void Delete(string path)
    {
        foreach (string file in Partial(path))
        {
            // The error that led here is the one to tell.
            try { File.Delete(file); }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException) { }
        }
    }
}
