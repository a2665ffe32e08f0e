using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using MiniLM.Data;
using MiniLM.Export;

namespace MiniLM.Training.Records;

/// <summary>TensorBoard's event file of a run: a record an entry of its log, readable while the run goes on.</summary>
/// <remarks>
/// A record is the length of its data (u64), the masked CRC-32C of that, the data, and theirs, little-endian; the data are an Event of
/// tensorflow/core/util/event.proto. Tags are those of transformers' TensorBoardCallback: <c>eval_x</c> becomes <c>eval/x</c>, <c>test_x</c>
/// <c>test/x</c>, anything else <c>train/x</c>, the epoch too. An undefined number is left out.
/// </remarks>
internal sealed class EventFile : IDisposable
{
    private const int WallTime = 1, Step = 2, FileVersion = 3, Summary = 5, SummaryValue = 1, ValueTag = 1, SimpleValue = 2;

    private readonly FileStream _file;

    /// <param name="outputDir">The run's folder; the file lies in <c>runs/{MonDD_HH-MM-SS_host}/</c> below it.</param>
    /// <param name="started">When the run began, in local time.</param>
    /// <param name="host">Name of the machine.</param>
    /// <param name="processId">Of the run.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    internal EventFile(string outputDir, DateTimeOffset started, string host, int processId)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        string folder = System.IO.Path.Combine(outputDir, "runs", started.ToString("MMMdd_HH-mm-ss_", culture) + host);
        Path = System.IO.Path.Combine(folder, string.Create(culture, $"events.out.tfevents.{started.ToUnixTimeSeconds():D10}.{host}.{processId}.0"));
        try
        {
            Directory.CreateDirectory(folder);
            _file = new FileStream(Path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
        }
        catch (Exception error) when (PartialFile.IsFailure(error)) { throw PartialFile.Failure(Path, error, isKept: true); }
        Write(new ProtobufMessage().Double(WallTime, Seconds(started)).Text(FileVersion, "brain.Event:2"));
    }

    internal string Path { get; }

    /// <summary>Appends an entry of the log.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    internal void Write(LogEntry entry, DateTimeOffset time)
    {
        ProtobufMessage summary = new();
        foreach ((string name, double value) in entry.Values.Append(new("epoch", entry.Epoch)).Where(value => !double.IsNaN(value.Value)))
        {
            summary.Message(SummaryValue, new ProtobufMessage().Text(ValueTag, Tag(name)).Float(SimpleValue, (float)value));
        }
        Write(new ProtobufMessage().Double(WallTime, Seconds(time)).Integer(Step, entry.Step).Message(Summary, summary));
    }

    private static string Tag(string name) =>
        name.StartsWith("eval_", StringComparison.Ordinal) || name.StartsWith("test_", StringComparison.Ordinal) ? $"{name[..4]}/{name[5..]}" : $"train/{name}";

    private static double Seconds(DateTimeOffset time) => time.ToUnixTimeMilliseconds() / 1000.0;

    private void Write(ProtobufMessage message)
    {
        using MemoryStream record = new();
        record.Position = 12;
        message.WriteTo(record);
        record.SetLength(record.Length + 4);
        Span<byte> bytes = record.GetBuffer().AsSpan(0, (int)record.Length);
        BinaryPrimitives.WriteInt64LittleEndian(bytes, message.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], MaskedCrc(bytes[..8]));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[^4..], MaskedCrc(bytes[12..^4]));
        try { _file.Write(bytes); } // in one piece, so that a reader sees whole records
        catch (Exception error) when (PartialFile.IsFailure(error)) { throw PartialFile.Failure(Path, error, isKept: true); }
    }

    /// <summary>CRC-32C (Castagnoli), rotated and shifted so that a checksum of data that hold checksums is none of them.</summary>
    internal static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        uint crc = Crc(bytes);
        return BitOperations.RotateRight(crc, 15) + 0xa282ead8;
    }

    internal static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte one in bytes) { crc = BitOperations.Crc32C(crc, one); }
        return ~crc;
    }

    public void Dispose() => _file.Dispose();
}
