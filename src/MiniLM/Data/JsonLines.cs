using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace MiniLM.Data;

/// <summary>JSON values one after the other, a line each or more, or the elements of an array: RFC 8259 to the letter (no NaN, no comments), every error
/// with its line number.</summary>
internal sealed class JsonLines : IDisposable
{
    private readonly PeekedStream? _stream;
    private readonly string _name = "";
    private JsonSource? _source;

    /// <param name="source">Disposed with the reader.</param>
    internal JsonLines(JsonSource source) => _source = source;

    /// <summary>Reads lines, or an array where the stream begins with one; nothing is read before somebody asks.</summary>
    /// <param name="stream">Disposed with the reader.</param>
    /// <param name="name">For messages.</param>
    internal JsonLines(Stream stream, string name) => (_stream, _name) = (stream as PeekedStream ?? new PeekedStream(stream, name), name);

    internal JsonSource Source => _source ??= _stream!.Start == TextStart.Array ? new JsonArraySource(_stream, _name)
        : new JsonLineSource(new LineReader(_stream, _name));

    /// <summary>The next value, checked whole; it must be an object when properties are asked for.</summary>
    /// <param name="names">Properties to pick out of the object, in UTF-8.</param>
    /// <param name="values">Takes their texts; null where there is no such property or it is null. Numbers as written; the last of a name wins.</param>
    /// <param name="listsFrom">The first of the names whose property may be a list, true or false: it is given as written.</param>
    /// <returns>False at the end.</returns>
    /// <exception cref="DataFormatException">The line is not UTF-8 or not one JSON value.</exception>
    internal bool Read(byte[][] names, Span<string?> values, int listsFrom = int.MaxValue)
    {
        if (!Next(out ReadOnlySpan<byte> value)) { return false; }
        values.Clear();
        try { Pick(value, names, values, listsFrom); }
        catch (JsonException error)
        {
            if (!Source.Complete(ref value)) { throw NotJson(error); }
            CheckUtf8(value);
            values.Clear();
            Pick(value, names, values, listsFrom);
        }
        return true;
    }

    /// <summary>The next value, an object, whole; null at the end.</summary>
    /// <exception cref="DataFormatException">The line is not UTF-8 or not one JSON object.</exception>
    internal JsonElement? ReadObject()
    {
        if (!Next(out ReadOnlySpan<byte> value)) { return null; }
        JsonElement element;
        try { element = Parse(value); }
        catch (JsonException error)
        {
            if (!Source.Complete(ref value)) { throw NotJson(error); }
            CheckUtf8(value);
            element = Parse(value);
        }
        try { UnicodeJson.Check(value); }
        catch (JsonException error) { throw Source.Wrong($"{error.Message} Correct the line."); }
        return element.ValueKind == JsonValueKind.Object ? element : throw Source.Wrong("not a JSON object. Correct the line.");
    }

    private static JsonElement Parse(ReadOnlySpan<byte> value)
    {
        Utf8JsonReader reader = new(value);
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        reader.Read(); // nothing follows
        return document.RootElement.Clone();
    }

    private bool Next(out ReadOnlySpan<byte> value)
    {
        if (!Source.Next(out value)) { return false; }
        CheckUtf8(value);
        return true;
    }

    private void CheckUtf8(ReadOnlySpan<byte> value)
    {
        if (!Utf8.IsValid(value)) { throw Source.Wrong("not UTF-8. Save the file as UTF-8."); }
    }

    private DataFormatException NotJson(JsonException error) => Source.Wrong($"not one JSON value a line ({Reason(error)}). Correct the line.");

    private void Pick(ReadOnlySpan<byte> line, byte[][] names, Span<string?> values, int listsFrom)
    {
        Utf8JsonReader reader = new(line);
        reader.Read();
        if (Source.IsArray && names.Length == 1 && reader.TokenType == JsonTokenType.String)
        {
            values[0] = Value(ref reader, names[0]);
            return;
        }
        if (names.Length > 0 && reader.TokenType != JsonTokenType.StartObject)
        {
            throw Source.Wrong($"not a JSON object: {Quoted.Text(Encoding.UTF8.GetString(line))}. Write {{\"text\": ...}} lines.");
        }
        while (reader.Read())
        {
            if (reader.CurrentDepth != 1 || reader.TokenType != JsonTokenType.PropertyName) { continue; }
            int index = 0;
            while (index < names.Length && !IsNamed(ref reader, names[index])) { index++; }
            if (index == names.Length) { continue; }
            reader.Read();
            string? value = index >= listsFrom && reader.TokenType is (JsonTokenType.StartArray or JsonTokenType.True or JsonTokenType.False)
                ? Written(ref reader, line) : Value(ref reader, names[index]);
            for (int i = index; i < names.Length; i++) // a column may be asked for twice
            {
                if (names[i].AsSpan().SequenceEqual(names[index])) { values[i] = value; }
            }
        }
    }

    // A name with half a surrogate pair is none that is asked for.
    private static bool IsNamed(ref Utf8JsonReader reader, byte[] name)
    {
        try { return reader.ValueTextEquals(name); }
        catch (InvalidOperationException) { return false; }
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
                catch (InvalidOperationException) { throw Source.Wrong($"'{Encoding.UTF8.GetString(name)}' has half a surrogate pair. Correct the line."); }
            default:
                throw Source.Wrong($"'{Encoding.UTF8.GetString(name)}' is {(reader.TokenType is JsonTokenType.StartObject ? "an object"
                    : reader.TokenType is JsonTokenType.StartArray ? "a list" : "true or false")}, not a text. Name another column"
                    + $"{(reader.TokenType is JsonTokenType.StartArray ? ", or give each of its texts a column of its own" : "")}.");
        }
    }

    // The reader appends its own line and position, which are of the line and not of the file.
    internal static string Reason(JsonException error)
    {
        int end = error.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return $"{(end < 0 ? error.Message : error.Message[..end]).TrimEnd('.')}, byte {error.BytePositionInLine}";
    }

    public void Dispose()
    {
        _source?.Dispose();
        _stream?.Dispose();
    }
}
