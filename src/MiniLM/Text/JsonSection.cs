using System.Text.Json;

namespace MiniLM.Text;

/// <summary>An object of a tokenizer file with its place, so that every complaint can name file and field.</summary>
internal readonly struct JsonSection(string file, string path, JsonElement element)
{
    internal string File => file;

    internal JsonElement Element => element;

    /// <summary>The value of "type"; empty = absent.</summary>
    internal string Type => String("type") ?? "";

    internal JsonSection Object(string name, JsonElement value) => value.ValueKind == JsonValueKind.Object
        ? new JsonSection(file, PathOf(name), value)
        : throw Wrong(name, value, "an object");

    internal JsonElement? Find(string name)
    {
        if (element.ValueKind != JsonValueKind.Object) { throw new TokenizerException($"{file}: {path} is {Shown(element)}, not an object."); }
        return element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    /// <summary>Null = absent or null.</summary>
    internal string? String(string name)
    {
        if (Find(name) is not { } value) { return null; }
        return value.ValueKind == JsonValueKind.String ? Text(name, value) : throw Wrong(name, value, "a string");
    }

    internal string RequiredString(string name) => String(name) ?? throw Missing(name);

    internal bool? Boolean(string name) => Find(name) is not { } value ? null : value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong(name, value, "true or false"),
    };

    /// <summary>A number from 0 on; numbers above the limit count as the limit.</summary>
    internal int? Count(string name, int limit = int.MaxValue)
    {
        if (Find(name) is not { } value) { return null; }
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetUInt64(out ulong number)) { throw Wrong(name, value, "a whole number from 0 on"); }
        return (int)Math.Min(number, (ulong)limit);
    }

    internal int RequiredId(string name) => Find(name) is { } value ? Id(name, value) : throw Missing(name);

    internal int Id(string name, JsonElement value)
    {
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && id is >= 0 and <= TokenizerDefinition.MaxId
            ? id
            : throw Wrong(name, value, $"an id from 0 to {TokenizerDefinition.MaxId}");
    }

    internal JsonElement RequiredArray(string name) => Find(name) is not { } value ? throw Missing(name)
        : value.ValueKind == JsonValueKind.Array ? value
        : throw Wrong(name, value, "a list");

    internal string Text(string name, JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(name, value, "a string");

    internal TokenizerException Unsupported(string name, string value, string supported) =>
        new($"{file}: {PathOf(name)} is '{value}'; supported: {supported}.");

    internal TokenizerException Missing(string name) => new($"{file}: {PathOf(name)} is missing.");

    internal TokenizerException Wrong(string name, JsonElement value, string expected) =>
        new($"{file}: {PathOf(name)} is {Shown(value)}; expected {expected}.");

    internal string PathOf(string name) => path.Length == 0 ? name : $"{path}.{name}";

    private static string Shown(JsonElement value)
    {
        string raw = value.GetRawText().ReplaceLineEndings(" ");
        return raw.Length <= 40 ? raw : string.Concat(raw.AsSpan(0, 37), "...");
    }
}
