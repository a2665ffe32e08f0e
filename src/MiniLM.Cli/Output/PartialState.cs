using System.Buffers;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>OUT.partial.json: what the unfinished file is of, and how much of it is done.</summary>
/// <remarks>
/// Rewritten in place by one pwrite of one page: a process that is killed leaves the old text or the new one, and no third file is needed.
/// Rows are counted only after their bytes are with the system, so the file may hold more than its rows, never less.
/// </remarks>
internal sealed class PartialState : IDisposable
{
    private const int Page = 4096;

    private readonly string _path;
    private readonly RunIdentity _identity;
    private readonly SafeFileHandle _file;

    private PartialState(string path, RunIdentity identity, SafeFileHandle file) => (_path, _identity, _file) = (path, identity, file);

    internal long Rows { get; set; }

    /// <summary>Bytes of the rows.</summary>
    internal long Bytes { get; set; }

    internal long Inputs { get; set; }

    internal long Truncated { get; set; }

    internal long Ties { get; set; }

    /// <summary>Starts afresh.</summary>
    internal static PartialState Create(string path, RunIdentity identity)
    {
        PartialState state = new(path, identity, File.OpenHandle(path, FileMode.Create, FileAccess.Write));
        state.Save();
        return state;
    }

    /// <summary>Whether nothing is there, or nothing was written.</summary>
    internal static bool IsBlank(string path) => !File.Exists(path) || File.ReadAllBytes(path).AsSpan().Trim(" \n\0"u8).Length == 0;

    /// <summary>Takes up what is there.</summary>
    /// <returns>Null: nothing was done yet.</returns>
    /// <exception cref="IOException">It is of another run; the message names what differs.</exception>
    internal static PartialState? Open(string path, RunIdentity identity)
    {
        if (IsBlank(path)) { return null; }
        byte[] bytes = File.ReadAllBytes(path);
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
            foreach (string name in new[] { "rows", "bytes", "inputs", "truncated", "ties" })
            {
                if (root.GetProperty(name).GetInt64() < 0) { throw new FormatException($"{name} is below 0"); }
            }
            if (root.GetProperty("bytes").GetInt64() == 0) { return null; }
            return new PartialState(path, identity, File.OpenHandle(path, FileMode.Open, FileAccess.Write))
            {
                Rows = root.GetProperty("rows").GetInt64(),
                Bytes = root.GetProperty("bytes").GetInt64(),
                Inputs = root.GetProperty("inputs").GetInt64(),
                Truncated = root.GetProperty("truncated").GetInt64(),
                Ties = root.GetProperty("ties").GetInt64(),
            };
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new IOException($"--resume: {path} is damaged ({error.Message}). Use --overwrite to start afresh.", error);
        }
    }

    /// <summary>Writes the counters.</summary>
    internal void Save()
    {
        ArrayBufferWriter<byte> buffer = new(Page);
        using (Utf8JsonWriter writer = new(buffer))
        {
            writer.WriteStartObject();
            writer.WriteNumber("schema", 1);
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
            writer.WriteEndObject();
        }
        byte[] page = new byte[(buffer.WrittenCount / Page + 1) * Page];
        page.AsSpan().Fill((byte)' ');
        buffer.WrittenSpan.CopyTo(page);
        page[^1] = (byte)'\n';
        try { RandomAccess.Write(_file, page, 0); }
        catch (Exception error) when (PartialFile.IsFailure(error)) { throw PartialFile.Failure(_path, error); }
    }

    private static string Say(string? value) => string.IsNullOrEmpty(value) ? "unset" : value.Length > 40 ? value[..12] + "..." : value;

    public void Dispose() => _file.Dispose();
}
