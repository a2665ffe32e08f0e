using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;

namespace MiniLM.Weights;

/// <summary>One entry of a header: where a tensor lies in the data that follows.</summary>
internal sealed record SafetensorsEntry(string Name, ElementType ElementType, long[] Shape, long Begin, long End);

/// <summary>
/// The header of a safetensors file, checked in full: sizes before use, every byte of the data owned by one tensor, no key twice.
/// What two readers could see differently is refused (the format's text, not its library, decides).
/// </summary>
internal sealed class SafetensorsHeader
{
    private const long MaxHeaderBytes = 100_000_000;
    private const int MaxDepth = 128;
    private const string MetadataKey = "__metadata__";

    private readonly string _file;

    /// <summary>Sorted by place in the data.</summary>
    internal List<SafetensorsEntry> Entries { get; } = [];

    internal Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>Where the data begins in the file.</summary>
    internal long DataStart { get; }

    /// <param name="file">Name for messages.</param>
    /// <param name="prefix">The first bytes of the file, up to the whole header.</param>
    /// <param name="fileLength">Length of the file in bytes.</param>
    internal SafetensorsHeader(string file, ReadOnlySpan<byte> prefix, long fileLength)
    {
        _file = file;
        ReadOnlySpan<byte> json = prefix[8..];
        DataStart = prefix.Length;
        if (json.IsEmpty || json[0] != '{') { throw Refused("the header does not begin with '{'"); }
        if (!Utf8.IsValid(json)) { throw Refused("the header is not valid UTF-8"); }
        try
        {
            Parse(json);
        }
        catch (JsonException e)
        {
            string what = e.Message.Split(" LineNumber:")[0].ReplaceLineEndings(" ");
            throw new ModelFormatException($"{_file}: the header is not JSON at byte {8 + (e.BytePositionInLine ?? 0)}: {what} {Remedy}", e);
        }
        catch (InvalidOperationException e) // half a surrogate pair as an escape
        {
            throw new ModelFormatException($"{_file}: a string in the header is not Unicode text. {Remedy}", e);
        }
        CheckCoverage(fileLength - DataStart);
    }

    private const string Remedy = "The file is damaged or not a safetensors file: download or export it again.";

    /// <summary>Length of prefix and header together, checked against the file, from the file's first 8 bytes.</summary>
    internal static long PrefixLength(string file, ReadOnlySpan<byte> first8, long fileLength)
    {
        if (fileLength < 8) { throw new ModelFormatException($"{file}: {fileLength} bytes, too short for a header length of 8 bytes. {Remedy}"); }
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(first8);
        if (length > MaxHeaderBytes)
        {
            throw new ModelFormatException($"{file}: header length {length} is over the limit of {MaxHeaderBytes} bytes. {Remedy}");
        }
        if ((long)length > fileLength - 8)
        {
            throw new ModelFormatException($"{file}: header length {length}, but only {fileLength - 8} bytes follow. {Remedy}");
        }
        return 8 + (long)length;
    }

    private ModelFormatException Refused(string what) => new($"{_file}: {what}. {Remedy}");

    private void Parse(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = MaxDepth });
        HashSet<string> keys = new(StringComparer.Ordinal);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (!keys.Add(name)) { throw Refused($"the header names {Quoted.Text(name)} twice"); }
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject) { throw Refused($"the entry of {Quoted.Text(name)} is not an object"); }
            if (name == MetadataKey) { ParseMetadata(ref reader); } else { Entries.Add(ParseEntry(ref reader, name)); }
        }
        reader.Read(); // anything but white space after the object throws
    }

    private void ParseMetadata(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String) { throw Refused($"metadata {Quoted.Text(key)} is not a string"); }
            if (!Metadata.TryAdd(key, reader.GetString()!)) { throw Refused($"the header names metadata {Quoted.Text(key)} twice"); }
        }
    }

    private SafetensorsEntry ParseEntry(ref Utf8JsonReader reader, string name)
    {
        ElementType? elementType = null;
        long[]? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            switch (key)
            {
                case "dtype" when elementType is null:
                    elementType = ParseElementType(ref reader, name);
                    break;
                case "shape" when shape is null:
                    shape = ParseIntegers(ref reader, name, key);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ParseIntegers(ref reader, name, key);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw Refused($"tensor {Quoted.Text(name)} has two '{key}'");
                default:
                    throw Refused($"tensor {Quoted.Text(name)} has {Quoted.Text(key)}, which is none of dtype, shape and data_offsets");
            }
        }
        string? missing = elementType is null ? "dtype" : shape is null ? "shape" : offsets is null ? "data_offsets" : null;
        if (missing is not null) { throw Refused($"tensor {Quoted.Text(name)} has no '{missing}'"); }
        if (offsets!.Length != 2) { throw Refused($"tensor {Quoted.Text(name)} has {offsets.Length} data_offsets, not 2"); }
        SafetensorsEntry entry = new(name, elementType!.Value, shape!, offsets[0], offsets[1]);
        CheckSize(entry);
        return entry;
    }

    private ElementType ParseElementType(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.String) { throw Refused($"tensor {Quoted.Text(name)} has a dtype that is not a string"); }
        string text = reader.GetString()!;
        return ElementTypes.TryParse(text, out ElementType type) ? type
            : throw Refused($"tensor {Quoted.Text(name)} has the unknown dtype {Quoted.Text(text)}");
    }

    private long[] ParseIntegers(ref Utf8JsonReader reader, string name, string key)
    {
        if (reader.TokenType != JsonTokenType.StartArray) { throw Refused($"tensor {Quoted.Text(name)} has a {key} that is not an array"); }
        List<long> values = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            // Digits only: 1.0, 1e2 and -0 are numbers to JSON, not to this format.
            if (reader.TokenType != JsonTokenType.Number || reader.ValueSpan.ContainsAnyExceptInRange((byte)'0', (byte)'9')
                || !reader.TryGetInt64(out long value))
            {
                throw Refused($"tensor {Quoted.Text(name)} has a {key} that is not made of plain non-negative integers below 2^63");
            }
            values.Add(value);
        }
        return [.. values];
    }

    private void CheckSize(SafetensorsEntry entry)
    {
        long bits = 1;
        try
        {
            checked
            {
                foreach (long size in entry.Shape) { bits *= size; }
                bits *= entry.ElementType.Bits();
            }
        }
        catch (OverflowException e)
        {
            throw new ModelFormatException($"{_file}: tensor {Quoted.Text(entry.Name)} of {Quoted.Shape(entry.Shape)} overflows 64 bits. {Remedy}", e);
        }
        if (bits % 8 != 0) { throw Refused($"tensor {Quoted.Text(entry.Name)} of {Quoted.Shape(entry.Shape)} does not end at a whole byte"); }
        if (entry.Begin > entry.End || entry.End - entry.Begin != bits / 8)
        {
            throw Refused($"tensor {Quoted.Text(entry.Name)} of {entry.ElementType.FormatName()} {Quoted.Shape(entry.Shape)} needs {bits / 8} bytes, "
                + $"its data_offsets are [{entry.Begin}, {entry.End}]");
        }
    }

    private void CheckCoverage(long dataLength)
    {
        Entries.Sort((a, b) => a.Begin != b.Begin ? a.Begin.CompareTo(b.Begin) : a.End.CompareTo(b.End));
        long end = 0;
        foreach (SafetensorsEntry entry in Entries)
        {
            if (entry.Begin != end)
            {
                throw Refused($"tensor {Quoted.Text(entry.Name)} begins at {entry.Begin}, the one before it ends at {end}: "
                    + (entry.Begin < end ? "they overlap" : "a hole"));
            }
            end = entry.End;
        }
        if (end > dataLength) { throw Refused($"the tensors need {end} bytes of data, the file has {dataLength}: it was cut off"); }
        if (end < dataLength) { throw Refused($"{dataLength - end} bytes follow the last tensor"); }
    }
}
