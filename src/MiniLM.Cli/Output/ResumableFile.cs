using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>A file built as OUT.partial beside OUT.partial.json, and renamed when it is complete.</summary>
/// <remarks>
/// SIGKILL, SIGINT and SIGTERM leave just these two, to be resumed. An error leaves nothing, unless the run had gone on with an earlier one's rows.
/// Who has the .json has both: it is opened first and let go last, so that a second run can come between no two steps of this one.
/// </remarks>
internal sealed class ResumableFile : RowOutput
{
    private readonly string _path;
    private readonly PartialFile _file, _stateFile;
    private readonly PartialState _state;
    private readonly Session _session;
    private readonly bool _canResume, _overwrite;
    private bool _isFinished;

    private ResumableFile(string path, PartialFile file, PartialFile stateFile, PartialState state, bool canResume, bool overwrite,
        Session session)
    {
        (_path, _file, _stateFile, _state, _canResume, _overwrite, _session) = (path, file, stateFile, state, canResume, overwrite, session);
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
            PartialFile.CheckFree(left);
            throw new IOException($"{left}: left by an unfinished run. Use --resume to go on with it or --overwrite to start afresh.");
        }
    }

    /// <summary>Opens the partial file, afresh or where it ended.</summary>
    /// <param name="path">The file to be.</param>
    /// <param name="resume">Go on if there is something to go on with.</param>
    /// <param name="overwrite">Replace what has the name when this run ends.</param>
    /// <param name="identity">What the rows depend on.</param>
    /// <param name="header">First bytes of a fresh file.</param>
    /// <param name="session">For what is said, and the signals that keep the partial file.</param>
    internal static ResumableFile Open(
        string path, bool resume, bool overwrite, RunIdentity identity, ReadOnlySpan<byte> header, Session session)
    {
        string[] partial = Partial(path);
        if (resume && !identity.CanResume)
        {
            throw new UsageException("--resume: standard input and pipes cannot be read again. Give the input as a file");
        }
        if (identity.IsReadOnce) { session.Say("the input can be read only once: this run cannot be resumed"); }
        bool isThere = resume && partial.Any(File.Exists);
        PartialFile? stateFile = null, file = null;
        try
        {
            stateFile = PartialFile.OpenAlone(partial[1], partial[0]);
            file = PartialFile.OpenAlone(partial[0]);
            if (isThere && TryTake(file, stateFile, identity) is { } state)
            {
                session.Say($"{path}: going on after {state.Rows} rows");
                return new ResumableFile(path, file, stateFile, state, identity.CanResume, overwrite, session);
            }
        }
        catch (Exception error)
        {
            file?.Dispose();
            if (isThere || error is BusyOutputException) { stateFile?.Dispose(); } else { stateFile?.Delete(); }
            bool isSaid = error is IOException { InnerException: not null }; // as one line, already
            if (error is BusyOutputException || isSaid || isThere || !PartialFile.IsFailure(error)) { throw; }
            throw PartialFile.Failure(path, error);
        }
        if (resume) { session.Say($"{partial[0]}: nothing to go on with, starting afresh"); }
        try
        {
            OutputTarget.Check(path, overwrite); // once more: the run that had these two may have finished meanwhile
            file.SetLength(0);
            ResumableFile output = new(path, file, stateFile, PartialState.Create(stateFile, identity), identity.CanResume, overwrite, session);
            output.WriteBytes(header);
            return output;
        }
        catch
        {
            file.Delete();
            stateFile.Delete();
            throw;
        }
    }

    /// <summary>What an earlier run left, at the place where it ended; null: it had done nothing.</summary>
    private static PartialState? TryTake(PartialFile file, PartialFile stateFile, RunIdentity identity)
    {
        if (file.Length > 0 && PartialState.IsBlank(stateFile))
        {
            throw new IOException(
                $"--resume: {stateFile.Name}, which says how much of {file.Name} is done, is missing or empty. Use --overwrite to start afresh.");
        }
        if (PartialState.Open(stateFile, identity) is not { } state) { return null; }
        if (file.Length < state.Bytes)
        {
            throw new IOException($"--resume: {file.Name} has {file.Length} bytes, its .json says {state.Bytes}. Use --overwrite to start afresh.");
        }
        file.SetLength(state.Bytes);
        file.Position = state.Bytes;
        file.IsKept = state.Rows > 0;
        return state;
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
        try { _file.Complete(_path, _overwrite); }
        catch (IOException) when (!_overwrite && _canResume && File.Exists(_path))
        {
            _file.IsKept = true; // the work of hours, which only lacks its name
            throw;
        }
        _isFinished = true;
        _stateFile.Delete();
    }

    public override void Dispose()
    {
        Text.Dispose();
        if (_isFinished) { return; }
        bool isKept = _file.IsKept || (_canResume && _state.Rows > 0 && _session.Cancellation.IsCancellationRequested);
        if (isKept)
        {
            _session.Kept = $"{_file.Name} is kept with {_state.Rows} rows: --resume goes on with them."; // said behind an error
            _file.Dispose();
            _stateFile.Dispose();
            return;
        }
        _file.Delete();
        _stateFile.Delete();
    }

    private static string[] Partial(string path) => [path + ".partial", path + ".partial.json"];
}
