using System.Text;
using System.Text.Json;

namespace MiniLM.Model;

/// <summary>Sets the element type in a <c>config.json</c> by replacing its bytes, so that all else stays as it was.</summary>
internal static class ConfigDtype
{
    /// <param name="json">The file; an object.</param>
    /// <param name="dtype">float32, float16 or bfloat16.</param>
    /// <param name="addWhenAbsent">Whether to write the key when the file has neither of its spellings.</param>
    internal static byte[] Set(ReadOnlySpan<byte> json, string dtype, bool addWhenAbsent)
    {
        int start = json.StartsWith("\uFEFF"u8) ? 3 : 0; // a byte order mark
        List<(int From, int To)> values = FindValues(json[start..], start);
        byte[] value = Encoding.UTF8.GetBytes($"\"{dtype}\"");
        if (values.Count > 0)
        {
            List<byte> replaced = [.. json];
            foreach ((int from, int to) in Enumerable.Reverse(values))
            {
                replaced.RemoveRange(from, to - from);
                replaced.InsertRange(from, value);
            }
            return [.. replaced];
        }
        if (!addWhenAbsent) { return json.ToArray(); }
        int open = json.IndexOf((byte)'{') + 1;
        bool empty = json[open..].TrimStart(" \t\r\n"u8).StartsWith("}"u8);
        return [.. json[..open], .. Encoding.UTF8.GetBytes($"\n  \"torch_dtype\": \"{dtype}\"{(empty ? "\n" : ",")}"), .. json[open..]];
    }

    private static List<(int From, int To)> FindValues(ReadOnlySpan<byte> json, int offset)
    {
        List<(int From, int To)> values = [];
        Utf8JsonReader reader = new(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool wanted = reader.ValueTextEquals("torch_dtype"u8) || reader.ValueTextEquals("dtype"u8);
            reader.Read();
            int from = (int)reader.TokenStartIndex;
            reader.Skip();
            if (wanted) { values.Add((offset + from, offset + (int)reader.BytesConsumed)); }
        }
        return values;
    }
}
