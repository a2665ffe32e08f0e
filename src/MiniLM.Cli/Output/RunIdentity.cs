using System.Globalization;
using System.Security.Cryptography;
using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>Everything that a result depends on: a run goes on only with the same.</summary>
internal sealed class RunIdentity
{
    private readonly List<(string Name, string Value)> _values = [];

    internal IReadOnlyList<(string Name, string Value)> Values => _values;

    /// <summary>False when an input can be read only once, so that nothing proves it is the same.</summary>
    internal bool CanResume { get; private set; } = true;

    internal void Add(string name, string? value) => _values.Add((name, value ?? ""));

    internal void Add(string name, long? value) => Add(name, value?.ToString(CultureInfo.InvariantCulture));

    /// <summary>A file by length and SHA-256 of its bytes; its time stamp and path do not matter.</summary>
    internal void AddFile(string name, string path)
    {
        if (path == DataFile.StandardInput)
        {
            CanResume = false;
            return;
        }
        using FileStream file = DataFile.OpenBytes(path);
        if (!file.CanSeek)
        {
            CanResume = false;
            return;
        }
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 18];
        long length = 0;
        for (int read; (read = DataFile.Read(file, buffer, path)) > 0; length += read) { hash.AppendData(buffer, 0, read); }
        Add($"{name}_length", length);
        Add($"{name}_sha256", Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}
