using System.Diagnostics;
using System.Text;
using MiniLM.Data;

namespace MiniLM.Tests.Data;

/// <summary>Named pipes: what waits for them is given up when it is cancelled.</summary>
public sealed class DataFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("minilm-pipe-").FullName;
    private readonly string _pipe;

    public DataFileTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "skipped: named pipes are waited for on Linux only");
        _pipe = Path.Combine(_folder, "in");
        using Process made = Process.Start("mkfifo", [_pipe]);
        made.WaitForExit();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Open_IsCancelledWhileAPipeHasNoWriter()
    {
        Assert.Throws<OperationCanceledException>(() => DataFile.Open(_pipe, cancellation: new CancellationToken(canceled: true)));
        using FileStream writer = new(_pipe, FileMode.Open, FileAccess.ReadWrite); // lets go of the thread that waits
    }

    [Fact]
    public void Read_IsCancelledWhileAPipeSaysNothing()
    {
        using CancellationTokenSource source = new();
        using FileStream writer = new(_pipe, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        using Stream stream = DataFile.Open(_pipe, cancellation: source.Token);
        writer.Write("one"u8);
        byte[] buffer = new byte[8];
        Assert.Equal(3, stream.Read(buffer));
        Assert.Equal("one", Encoding.UTF8.GetString(buffer, 0, 3));
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => stream.Read(buffer));
        writer.Write("two"u8);
    }

    [Fact]
    public void Read_EndsWhereTheWriterEnds()
    {
        Task writing = Task.Run(() => File.WriteAllText(_pipe, "one\ntwo\n"), TestContext.Current.CancellationToken);
        using LineReader lines = new(DataFile.Open(_pipe, cancellation: TestContext.Current.CancellationToken), _pipe);
        Assert.True(lines.Read(out ReadOnlySpan<byte> first) && first.SequenceEqual("one"u8));
        Assert.True(lines.Read(out ReadOnlySpan<byte> second) && second.SequenceEqual("two"u8));
        Assert.False(lines.Read(out _));
        Assert.False(lines.CanSeek);
    }

    [Fact]
    public void IsRegular_FollowsLinks()
    {
        string file = Path.Combine(_folder, "file"), toFile = Path.Combine(_folder, "to-file"), toPipe = Path.Combine(_folder, "to-pipe");
        File.WriteAllText(file, "");
        File.CreateSymbolicLink(toFile, file);
        File.CreateSymbolicLink(toPipe, _pipe);
        Assert.True(FileStatus.IsRegular(file));
        Assert.True(FileStatus.IsRegular(toFile));
        Assert.False(FileStatus.IsRegular(toPipe));
        Assert.False(FileStatus.IsRegular("/dev/null"));
    }

    // A configuration's JSON may hold it.
    [Fact]
    public void Open_OfAPathWithAZeroByteFindsNoFile() =>
        Assert.Equal("a\0b: no such file. Check the path.", Assert.Throws<DataFormatException>(() => DataFile.Open("a\0b")).Message);
}
