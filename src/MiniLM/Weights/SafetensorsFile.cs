using MiniLM.Data;

namespace MiniLM.Weights;

/// <summary>A safetensors file, mapped and read in place: opening touches the pages of the header only.</summary>
internal sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly MappedFile _file;
    private readonly Dictionary<string, Tensor> _byName;

    /// <summary>Full path of the file.</summary>
    internal string Path => _file.Path;

    /// <summary>In the order of their data. Valid until this file is disposed and nobody is inside their lifetime.</summary>
    internal IReadOnlyList<Tensor> Tensors { get; }

    internal IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Length of the JSON header, padding included.</summary>
    internal long HeaderBytes { get; }

    /// <summary>Maps and checks a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="displayName">How messages call it; the path when null.</param>
    /// <exception cref="ModelFormatException">The file cannot be opened or breaks a rule of the format.</exception>
    internal SafetensorsFile(string path, string? displayName = null)
    {
        string name = displayName ?? path;
        _file = Map(path, name);
        try
        {
            ReadOnlySpan<byte> first = new(_file.Start, (int)Math.Min(64, _file.Length)), first8 = first[..Math.Min(8, first.Length)];
            if (GitLfs.IsPointer(first)) { throw new ModelFormatException($"{name}: {GitLfs.Remedy}"); }
            long prefix = SafetensorsHeader.PrefixLength(name, first8, _file.Length);
            SafetensorsHeader header = new(name, new ReadOnlySpan<byte>(_file.Start, (int)prefix), _file.Length);
            HeaderBytes = prefix - 8;
            Metadata = header.Metadata;
            Tensor[] tensors = new Tensor[header.Entries.Count];
            _byName = new Dictionary<string, Tensor>(tensors.Length, StringComparer.Ordinal);
            for (int i = 0; i < tensors.Length; i++)
            {
                SafetensorsEntry entry = header.Entries[i];
                byte* data = _file.Start + header.DataStart + entry.Begin;
                tensors[i] = new Tensor(entry.Name, entry.ElementType, entry.Shape, data, entry.End - entry.Begin, name, _file.Lifetime);
                _byName.Add(entry.Name, tensors[i]);
            }
            Tensors = tensors;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private static MappedFile Map(string path, string name)
    {
        try { return new MappedFile(System.IO.Path.GetFullPath(path)); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException($"{name}: cannot be opened: {e.Message.ReplaceLineEndings(" ").TrimEnd('.')}. Make it readable.", e);
        }
    }

    /// <summary>A tensor by its name in the file, or null.</summary>
    internal Tensor? Find(string name) => _byName.GetValueOrDefault(name);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
