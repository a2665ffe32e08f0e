using MiniLM.Tests.Weights;
using MiniLM.Training.Records;

namespace MiniLM.Tests.Training.Records;

public sealed class EventFileTests : IDisposable
{
    private static readonly DateTimeOffset Started = new(2025, 11, 28, 20, 22, 57, TimeSpan.FromHours(1));

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("123456789", 0xE3069283)] // of the catalogue of CRCs
    [InlineData("", 0u)]
    public void Crc_IsCastagnolis(string text, uint expected) => Assert.Equal(expected, EventFile.Crc(System.Text.Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void Crc_GivesTheAnswersOfRfc3720()
    {
        Assert.Equal(0x8A9136AAu, EventFile.Crc(new byte[32]));
        Assert.Equal(0x62A8AB43u, EventFile.Crc([.. Enumerable.Repeat((byte)0xff, 32)]));
        Assert.Equal(0x46DD794Eu, EventFile.Crc([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
        Assert.Equal(0xC78AB0E5u, EventFile.MaskedCrc("123456789"u8)); // (0xE3069283 >> 15 | 0xE3069283 << 17) + 0xa282ead8
    }

    [Fact]
    public void File_HasItsVersionAndARecordAnEntry()
    {
        string path;
        using (EventFile file = new(_folder.Path, Started, "box", 4711))
        {
            path = file.Path;
            LogEntry entry = new(300, 1.5, [new("loss", .5), new("grad_norm", double.NaN), new("eval_dev_map", .25)]);
            file.Write(entry, Started.AddMilliseconds(250));
            Assert.Equal(Expected.Length, new FileInfo(path).Length); // while it is open
        }
        Assert.Equal(_folder.File("runs", "Nov28_20-22-57_box", "events.out.tfevents.1764357777.box.4711.0"), path);
        Assert.Equal(Expected, File.ReadAllBytes(path));
    }

    // Byte for byte by hand; the checksums by a bitwise CRC in Python.
    private static byte[] Expected => Convert.FromHexString(string.Concat(
        "1800000000000000", "a37f4b22", // 24 bytes
        "09", "000040a47d4ada41", // wall_time 1764357777.0
        "1a0d", "627261696e2e4576656e743a32", // file_version "brain.Event:2"
        "ae35d430",
        "4a00000000000000", "af77dbb0", // 74 bytes
        "09", "000050a47d4ada41", // wall_time 1764357777.25
        "10ac02", // step 300
        "2a3c", // summary
        "0a11", "0a0a", "747261696e2f6c6f7373", "15", "0000003f", // train/loss .5
        "0a13", "0a0c", "6576616c2f6465765f6d6170", "15", "0000803e", // eval/dev_map .25
        "0a12", "0a0b", "747261696e2f65706f6368", "15", "0000c03f", // train/epoch 1.5
        "c1c6eb31"));

    [Theory]
    [InlineData("eval_loss", "eval/loss")]
    [InlineData("test_cosine_ap", "test/cosine_ap")]
    [InlineData("learning_rate", "train/learning_rate")]
    [InlineData("evaluations", "train/evaluations")]
    public void Tags_AreThoseOfTransformersCallback(string name, string tag)
    {
        using EventFile file = new(_folder.Path, Started, "box", 1);
        file.Write(new LogEntry(1, 0, [new(name, 1)]), Started);
        Assert.Contains(tag, System.Text.Encoding.ASCII.GetString(File.ReadAllBytes(file.Path)), StringComparison.Ordinal);
    }

    [Fact]
    public void File_IsNeverWrittenOver()
    {
        using EventFile file = new(_folder.Path, Started, "box", 1);
        Assert.Contains("box.1.0: cannot be written", Assert.Throws<IOException>(() => new EventFile(_folder.Path, Started, "box", 1)).Message,
            StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
