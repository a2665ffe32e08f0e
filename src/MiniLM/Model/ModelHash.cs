using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

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
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 18];
        foreach (string file in files.Where(File.Exists)) { Append(hash, folder.Path, file, buffer, cancellation); }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, string root, string file, byte[] buffer, CancellationToken cancellation)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        byte[] name = Encoding.UTF8.GetBytes(System.IO.Path.GetRelativePath(root, file).Replace('\\', '/') + '\0');
        BinaryPrimitives.WriteInt64LittleEndian(buffer, stream.Length);
        hash.AppendData(name);
        hash.AppendData(buffer, 0, 8);
        for (int read; (read = stream.Read(buffer)) > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, read);
        }
    }
}
