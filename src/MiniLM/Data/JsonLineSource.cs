using System.Text.Json;

namespace MiniLM.Data;

/// <summary>JSON values that begin and end with a line; blank lines are skipped. Most have one line, pretty-printed objects have more.</summary>
/// <param name="lines">Disposed with the source.</param>
internal sealed class JsonLineSource(LineReader lines) : JsonSource
{
    private static readonly byte[] White = [.. " \t\r"u8];

    private byte[] _joined = [];
    private int _length;

    internal override long Position => lines.Position;

    internal override double? ShareRead => lines.ShareRead;

    internal override bool CanSeek => lines.CanSeek;

    internal override void Seek(long start) => lines.Seek(start);

    internal override bool Next(out ReadOnlySpan<byte> value)
    {
        while (lines.Read(out ReadOnlySpan<byte> line))
        {
            value = line.Trim(White);
            if (value.Length == 0) { continue; }
            (Line, Start) = (lines.Number, lines.Start);
            return true;
        }
        value = default;
        return false;
    }

    internal override bool Complete(ref ReadOnlySpan<byte> value)
    {
        if (value[0] != '{') { return false; }
        (_length, int read, JsonReaderState state) = (0, 0, default);
        for (ReadOnlySpan<byte> line = value; ;)
        {
            Append(line);
            Append("\n"u8);
            Utf8JsonReader reader = new(_joined.AsSpan(read, _length - read), isFinalBlock: false, state);
            bool isWhole = false;
            try
            {
                while (reader.Read()) { isWhole = reader.CurrentDepth == 0 && reader.TokenType == JsonTokenType.EndObject; }
            }
            catch (JsonException) { return false; } // at once: a line that was cut off must not take the rest of the file with it
            (read, state) = (read + (int)reader.BytesConsumed, reader.CurrentState);
            if (isWhole)
            {
                value = _joined.AsSpan(0, _length - 1);
                return true;
            }
            if (!lines.Read(out line)) { return false; }
        }
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        if (_length + bytes.Length > LineReader.MaxLineBytes) { throw Wrong($"a value of more than {LineReader.MaxLineBytes} bytes. Split it."); }
        if (_length + bytes.Length > _joined.Length) { Array.Resize(ref _joined, Math.Max(2 * _joined.Length, _length + bytes.Length)); }
        bytes.CopyTo(_joined.AsSpan(_length));
        _length += bytes.Length;
    }

    internal override DataFormatException Wrong(string what) => new($"{lines.Name}:{Line}: {what}");

    public override void Dispose() => lines.Dispose();
}
