using System.Text;
using System.Text.Json;

namespace MiniLM.Model;

/// <summary>Changes values of a <c>config.json</c> by replacing their bytes, so that all else stays as it was.</summary>
internal static class ConfigValue
{
    /// <summary>The file with another value for each of the keys that its object has; null when it has none of them.</summary>
    internal static byte[]? Replace(ReadOnlySpan<byte> json, string value, params ReadOnlySpan<string> keys)
    {
        int start = json.StartsWith("\uFEFF"u8) ? 3 : 0; // a byte order mark
        List<(int From, int To)> values = Find(json[start..], start, keys);
        if (values.Count == 0) { return null; }
        List<byte> replaced = [.. json];
        foreach ((int from, int to) in Enumerable.Reverse(values))
        {
            replaced.RemoveRange(from, to - from);
            replaced.InsertRange(from, Encoding.UTF8.GetBytes(value));
        }
        return [.. replaced];
    }

    /// <summary>The file with a key more, the first of its object.</summary>
    internal static byte[] Add(ReadOnlySpan<byte> json, string value, string key)
    {
        int start = json.IndexOf((byte)'{') + 1;
        bool isEmpty = json[start..].TrimStart(" \t\r\n"u8) is [(byte)'}', ..];
        return [.. json[..start], .. Encoding.UTF8.GetBytes($"\"{key}\": {value}{(isEmpty ? "" : ", ")}"), .. json[start..]];
    }

    private static List<(int From, int To)> Find(ReadOnlySpan<byte> json, int offset, ReadOnlySpan<string> keys)
    {
        List<(int From, int To)> values = [];
        Utf8JsonReader reader = new(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isWanted = keys.Contains(reader.GetString());
            reader.Read();
            int from = (int)reader.TokenStartIndex;
            reader.Skip();
            if (isWanted) { values.Add((offset + from, offset + (int)reader.BytesConsumed)); }
        }
        return values;
    }
}
