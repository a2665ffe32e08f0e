using System.Buffers.Binary;
using System.Text;
using MiniLM.Data;

namespace MiniLM.Model;

/// <summary>One number for all files that decide a model's results: same hash, same results.</summary>
internal static class ModelHash
{
    // Read by the engine or its tokenizer; order is part of the hash.
    private static readonly string[] Settings =
    [
        ModelConfig.FileName, SentenceSettings.BertFileName, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "vocab.txt", .. SentenceSettings.TransformerFileNames[1..],
    ];

    /// <summary>Per file that exists: relative name, length and bytes.</summary>
    internal static string Compute(ModelFolder folder, CancellationToken cancellation)
    {
        IEnumerable<string> modules = Directory.EnumerateDirectories(folder.Path).Order(StringComparer.Ordinal)
            .Select(sub => System.IO.Path.Combine(sub, ModelConfig.FileName));
        IEnumerable<string> files = Settings.Select(name => System.IO.Path.Combine(folder.TransformerPath, name))
            .Append(System.IO.Path.Combine(folder.Path, SentenceModules.FileName)).Append(System.IO.Path.Combine(folder.Path, SentenceSettings.FileName))
            .Concat(SentenceModules.TryOpen(folder.Path) is null ? [] : modules).Concat(folder.WeightFiles);
        using FileHash hash = new();
        foreach (string file in files.Where(File.Exists)) { Append(hash, folder.Path, file, cancellation); }
        return hash.Finish();
    }

    private static void Append(FileHash hash, string root, string file, CancellationToken cancellation)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, stream.Length);
        hash.Append(Encoding.UTF8.GetBytes(System.IO.Path.GetRelativePath(root, file).Replace('\\', '/') + '\0'));
        hash.Append(length);
        hash.Append(stream, file, cancellation);
    }
}
