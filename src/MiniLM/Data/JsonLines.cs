using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace MiniLM.Data;

/// <summary>JSON values, one a line: RFC 8259 to the letter (no NaN, no comments), blank lines skipped, every error with its line number.</summary>
/// <param name="lines">Disposed with the reader.</param>
internal sealed class JsonLines(LineReader lines) : IDisposable
{
    private static readonly byte[] White = [.. " \t\r"u8];

    internal LineReader Lines => lines;

    /// <summary>The next value, checked whole; it must be an object when properties are asked for.</summary>
    /// <param name="names">Properties to pick out of the object, in UTF-8.</param>
    /// <param name="values">Takes their texts; null where there is no such property or it is null. Numbers as written; the last of a name wins.</param>
    /// <param name="hasLists">Whether a property may be a list, true or false: it is given as written.</param>
    /// <returns>False at the end.</returns>
    /// <exception cref="DataFormatException">The line is not UTF-8 or not one JSON value.</exception>
    internal bool Read(byte[][] names, Span<string?> values, bool hasLists = false)
    {
        if (!Next(out ReadOnlySpan<byte> line)) { return false; }
        values.Clear();
        try { Pick(line, names, values, hasLists); }
        catch (JsonException error) { throw NotJson(error); }
        return true;
    }

    /// <summary>The next value, an object, whole; null at the end.</summary>
    /// <exception cref="DataFormatException">The line is not UTF-8 or not one JSON object.</exception>
    internal JsonElement? ReadObject()
    {
        if (!Next(out ReadOnlySpan<byte> line)) { return null; }
        try
        {
            Utf8JsonReader reader = new(line);
            using JsonDocument value = JsonDocument.ParseValue(ref reader);
            reader.Read(); // nothing follows
            return value.RootElement.ValueKind == JsonValueKind.Object ? value.RootElement.Clone() : throw lines.Wrong("not a JSON object. Correct the line.");
        }
        catch (JsonException error) { throw NotJson(error); }
    }

    /// <summary>The next line that is not blank, without white space at its ends.</summary>
    private bool Next(out ReadOnlySpan<byte> line)
    {
        while (lines.Read(out line))
        {
            line = line.Trim(White);
            if (line.Length == 0) { continue; }
            return Utf8.IsValid(line) ? true : throw lines.Wrong("not UTF-8. Save the file as UTF-8.");
        }
        return false;
    }

    private DataFormatException NotJson(JsonException error) => lines.Wrong($"not one JSON value a line ({Reason(error)}). Correct the line.");

    private void Pick(ReadOnlySpan<byte> line, byte[][] names, Span<string?> values, bool hasLists)
    {
        Utf8JsonReader reader = new(line);
        reader.Read();
        if (names.Length > 0 && reader.TokenType != JsonTokenType.StartObject) { throw lines.Wrong("not a JSON object. Write {\"text\": ...} lines."); }
        while (reader.Read())
        {
            if (reader.CurrentDepth != 1 || reader.TokenType != JsonTokenType.PropertyName) { continue; }
            int index = 0;
            while (index < names.Length && !reader.ValueTextEquals(names[index])) { index++; }
            if (index == names.Length) { continue; }
            reader.Read();
            string? value = hasLists && reader.TokenType is (JsonTokenType.StartArray or JsonTokenType.True or JsonTokenType.False)
                ? Written(ref reader, line) : Value(ref reader, names[index]);
            for (int i = index; i < names.Length; i++) // a column may be asked for twice
            {
                if (names[i].AsSpan().SequenceEqual(names[index])) { values[i] = value; }
            }
        }
    }

    private static string Written(ref Utf8JsonReader reader, ReadOnlySpan<byte> line)
    {
        int start = (int)reader.TokenStartIndex;
        reader.Skip();
        return Encoding.UTF8.GetString(line[start..(int)reader.BytesConsumed]);
    }

    private string? Value(ref Utf8JsonReader reader, byte[] name)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null: return null;
            case JsonTokenType.Number: return Encoding.ASCII.GetString(reader.ValueSpan);
            case JsonTokenType.String:
                try { return reader.GetString(); }
                catch (InvalidOperationException) { throw lines.Wrong($"'{Encoding.UTF8.GetString(name)}' has half a surrogate pair. Correct the line."); }
            default:
                throw lines.Wrong($"'{Encoding.UTF8.GetString(name)}' is {(reader.TokenType is JsonTokenType.StartObject ? "an object"
                    : reader.TokenType is JsonTokenType.StartArray ? "a list" : "true or false")}, not a text. Name another column.");
        }
    }

    // The reader appends its own line and position, which are of the line and not of the file.
    private static string Reason(JsonException error)
    {
        int end = error.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return $"{(end < 0 ? error.Message : error.Message[..end]).TrimEnd('.')}, byte {error.BytePositionInLine}";
    }

    public void Dispose() => lines.Dispose();
}
