using System.Buffers;
using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>OUT.partial.json: what the unfinished file is of, and how much of it is done.</summary>
/// <remarks>
/// Rewritten in place by one pwrite of one page: a process that is killed leaves the old text or the new one, and no third file is needed.
/// Rows are counted only after their bytes are with the system, so the file may hold more than its rows, never less.
/// Counts that a disk has changed would give rows twice or not at all, so the text ends with the SHA-256 of what is before it.
/// </remarks>
internal sealed class PartialState
{
    private const int Page = 4096, MostBytes = 1 << 20, Schema = 2;

    private readonly PartialFile _file;
    private readonly RunIdentity _identity;

    private PartialState(PartialFile file, RunIdentity identity) => (_file, _identity) = (file, identity);

    internal long Rows { get; set; }

    /// <summary>Bytes of the rows.</summary>
    internal long Bytes { get; set; }

    internal long Inputs { get; set; }

    internal long Truncated { get; set; }

    internal long Ties { get; set; }

    /// <summary>Starts afresh.</summary>
    internal static PartialState Create(PartialFile file, RunIdentity identity)
    {
        file.SetLength(0);
        PartialState state = new(file, identity);
        state.Save();
        return state;
    }

    /// <summary>Whether nothing was written.</summary>
    internal static bool IsBlank(PartialFile file) => IsBlank(Read(file));

    /// <summary>Takes up what is there.</summary>
    /// <returns>Null: nothing was done yet.</returns>
    /// <exception cref="IOException">It is of another run; the message names what differs.</exception>
    internal static PartialState? Open(PartialFile file, RunIdentity identity)
    {
        if (file.Length > MostBytes) { throw new IOException($"--resume: {file.Name} is damaged ({file.Length} bytes). Use --overwrite to start afresh."); }
        byte[] bytes = Read(file);
        if (IsBlank(bytes)) { return null; }
        string path = file.Name;
        try
        {
            using JsonDocument json = JsonDocument.Parse(bytes.AsMemory());
            JsonElement root = json.RootElement;
            foreach ((string name, string value, _) in identity.Values)
            {
                string? found = !root.TryGetProperty(name, out JsonElement element) ? null
                    : element.ValueKind == JsonValueKind.String ? element.GetString() : element.GetRawText();
                if (found == value) { continue; }
                throw new IOException($"--resume: {path} is of another run: {name} is {Say(found)} there, {Say(value)} here. Use --overwrite to start afresh.");
            }
            if (Count("schema") != Schema) { throw new FormatException($"schema is not {Schema}"); }
            PartialState state = new(file, identity)
            {
                Rows = Count("rows"),
                Bytes = Count("bytes"),
                Inputs = Count("inputs"),
                Truncated = Count("truncated"),
                Ties = Count("ties"),
            };
            if (!bytes.AsSpan().TrimEnd(" \n"u8).SequenceEqual(state.Text())) { throw new FormatException("its text is not that of its sha256"); }
            return state.Bytes == 0 ? null : state;

            long Count(string name) => root.TryGetProperty(name, out JsonElement count) && count.TryGetInt64(out long value) && value >= 0 ? value
                : throw new FormatException($"{name} is missing, below 0 or too large");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            throw new IOException($"--resume: {path} is damaged ({error.Message}). Use --overwrite to start afresh.", error);
        }
    }

    /// <summary>Writes the counters.</summary>
    internal void Save()
    {
        ReadOnlySpan<byte> text = Text();
        byte[] page = new byte[(text.Length / Page + 1) * Page];
        page.AsSpan().Fill((byte)' ');
        text.CopyTo(page);
        page[^1] = (byte)'\n';
        try { RandomAccess.Write(_file.SafeFileHandle, page, 0); }
        catch (Exception error) when (PartialFile.IsFailure(error)) { throw PartialFile.Failure(_file.Name, error); }
    }

    private ReadOnlySpan<byte> Text()
    {
        ArrayBufferWriter<byte> buffer = new(Page);
        using Utf8JsonWriter writer = new(buffer);
        writer.WriteStartObject();
        writer.WriteNumber("schema", Schema);
        writer.WriteNumber("rows", Rows);
        writer.WriteNumber("bytes", Bytes);
        writer.WriteNumber("inputs", Inputs);
        writer.WriteNumber("truncated", Truncated);
        writer.WriteNumber("ties", Ties);
        foreach ((string name, string value, bool isNumber) in _identity.Values)
        {
            writer.WritePropertyName(name);
            if (isNumber) { writer.WriteRawValue(value); }
            else { writer.WriteStringValue(value); }
        }
        writer.Flush();
        Sha256 hash = new();
        hash.Append(buffer.WrittenSpan);
        writer.WriteString("sha256", hash.FinishText());
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan;
    }

    private static bool IsBlank(byte[] bytes) => bytes.AsSpan().Trim(" \n\0"u8).Length == 0;

    private static string Say(string? value) => string.IsNullOrEmpty(value) ? "unset" : value.Length > 40 ? value[..12] + "..." : value;

    private static byte[] Read(PartialFile file)
    {
        byte[] bytes = new byte[Math.Min(file.Length, MostBytes)];
        return bytes[..RandomAccess.Read(file.SafeFileHandle, bytes, 0)];
    }
}
