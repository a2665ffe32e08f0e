using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Model;

/// <summary>A JSON file of a model folder; every accessor refuses a wrong type by file, key and value.</summary>
internal sealed class JsonFile
{
    private const long MaxBytes = 64 << 20;

    /// <summary>Path relative to the model folder, for messages.</summary>
    internal string Name { get; }

    internal JsonElement Root { get; }

    private JsonFile(string name, JsonElement root) => (Name, Root) = (name, root);

    /// <summary>Reads <paramref name="name"/> of <paramref name="folder"/>; null when there is no such file.</summary>
    internal static JsonFile? TryOpen(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        if (!File.Exists(path)) { return null; }
        try { return Parse(ReadLimited(path, name), name); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException($"{name}: cannot be read: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    /// <summary>Reads JSON that is in memory.</summary>
    internal static JsonFile Parse(byte[] bytes, string name)
    {
        if (GitLfs.IsPointer(bytes)) { throw new ModelFormatException($"{name}: {GitLfs.Remedy}"); }
        try
        {
            ReadOnlyMemory<byte> json = bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsMemory(3) : bytes;
            using JsonDocument document = UnicodeJson.Parse(json);
            return new JsonFile(name, document.RootElement.Clone());
        }
        catch (JsonException e)
        {
            throw new ModelFormatException($"{name}: not JSON: {e.Message.ReplaceLineEndings(" ")} Download or export the model again.", e);
        }
    }

    /// <summary>As <see cref="TryOpen"/>, for a file whose root is an object.</summary>
    internal static JsonFile? TryOpenObject(string folder, string name)
    {
        JsonFile? file = TryOpen(folder, name);
        return file is null || file.Root.ValueKind == JsonValueKind.Object ? file
            : throw new ModelFormatException($"{name}: is {file.Root.ValueKind}, not a JSON object. Download or export the model again.");
    }

    private static byte[] ReadLimited(string path, string name)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        if (stream.Length > MaxBytes)
        {
            throw new ModelFormatException($"{name}: {stream.Length} bytes, over the limit of {MaxBytes}. Download or export the model again.");
        }
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>The value of a key; null when it is absent or JSON null.</summary>
    internal JsonElement? Find(string key) => Find(Root, key);

    internal static JsonElement? Find(JsonElement of, string key) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    internal string? FindString(string key) => Find(key) is not { } value ? null : String(value, key);

    internal string String(JsonElement value, string key) => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(key, value, "a string");

    internal bool? FindBoolean(string key) => Find(key) is not { } value ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(key, value, "true or false");

    internal int? FindInteger(string key, int least, int most) => Find(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= least && number <= most ? number
        : throw Wrong(key, value, $"an integer from {least} to {most}");

    internal int Integer(string key, int least, int most) =>
        FindInteger(key, least, most) ?? throw new ModelFormatException($"{Name}: has no '{key}'. Export the model again or add it.");

    internal double Number(JsonElement of, string key) => Find(of, key) is not { } value
        ? throw new ModelFormatException($"{Name}: has no '{key}'. Make the file again.")
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && double.IsFinite(number) ? number
        : throw Wrong(key, value, "a finite number");

    internal ModelFormatException Wrong(string key, JsonElement value, string expected) =>
        new($"{Name}: {key} is {Quoted.Text(value.GetRawText())}, expected {expected}. Fix {Name} or export the model again.");
}
