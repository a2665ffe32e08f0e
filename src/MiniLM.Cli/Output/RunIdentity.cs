using System.Globalization;
using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>Everything that a result depends on: a run goes on only with the same.</summary>
/// <param name="cancellation">Looked at while files are read.</param>
/// <param name="isResumable">False for a command that does not go on.</param>
internal sealed class RunIdentity(CancellationToken cancellation, bool isResumable = true)
{
    private readonly List<(string Name, string Value, bool IsNumber)> _values = [];

    internal CancellationToken Cancellation => cancellation;

    internal IReadOnlyList<(string Name, string Value, bool IsNumber)> Values => _values;

    /// <summary>Whether an input can be read only once, so that nothing proves it is the same.</summary>
    internal bool IsReadOnce { get; private set; }

    internal bool CanResume => isResumable && !IsReadOnce;

    internal void Add(string name, string? value) => _values.Add((name, value ?? "", false));

    internal void Add(string name, long? value) => _values.Add((name, value?.ToString(CultureInfo.InvariantCulture) ?? "", value is not null));

    /// <summary>A file by length and SHA-256 of its bytes; its time stamp and path do not matter.</summary>
    internal void AddFile(string name, string path)
    {
        if (path == DataFile.StandardInput || (File.Exists(path) && !FileStatus.IsRegular(path))) // a pipe opened again would wait for another writer
        {
            IsReadOnce = true;
            return;
        }
        using Stream file = DataFile.OpenBytes(path, cancellation);
        if (!file.CanSeek)
        {
            IsReadOnce = true;
            return;
        }
        using FileHash hash = new();
        Add($"{name}_length", hash.Append(file, path, cancellation));
        Add($"{name}_sha256", hash.Finish());
    }
}
