using MiniLM.Data;

namespace MiniLM.Tests.Data;

/// <summary>A finished output is never one that another run has its hands on.</summary>
public sealed class PartialFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("minilm-partial-").FullName;

    private string At(string name) => Path.Combine(_folder, name);

    // Whoever looks whether a file is free holds it for an instant, which must not be taken for a run.
    [Fact]
    public async Task ALookAtAFile_KeepsNobodyFromIt()
    {
        bool done = false;
        Task looker = Task.Factory.StartNew(() =>
        {
            while (!Volatile.Read(ref done))
            {
                try { PartialFile.CheckFree(At("looked.partial")); }
                catch (BusyOutputException) { }
                Thread.Sleep(1);
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        for (int round = 0; round < 500; round++)
        {
            using PartialFile file = PartialFile.OpenAlone(At("looked.partial"));
            Assert.True(PartialFile.IsAnyOpen);
        }
        Volatile.Write(ref done, true);
        await looker;
    }

    [Fact]
    public void ALockedFile_IsSaidToBeAnotherRunsAndNothingElse()
    {
        using PartialFile first = PartialFile.Create(At("busy"));
        Assert.Contains("another run is writing it", Assert.Throws<BusyOutputException>(() => PartialFile.Create(At("busy"))).Message);
        Assert.Contains("another run is writing it", Assert.Throws<BusyOutputException>(() => PartialFile.CheckFree(At("busy"))).Message);
        first.Delete();
        PartialFile.CheckFree(At("busy"));
        Assert.Contains("cannot be written", Assert.Throws<IOException>(() => PartialFile.Create(At("nowhere/file"))).Message);
    }

    [Fact]
    public void OneFile_IsTheSameByEveryPath()
    {
        File.WriteAllText(At("a"), "");
        File.WriteAllText(At("b"), "");
        File.CreateSymbolicLink(At("link"), At("a"));
        Directory.CreateSymbolicLink(At("folder"), _folder);
        Assert.True(FileStatus.IsSame(At("a"), At("./a")));
        Assert.True(FileStatus.IsSame(At("a"), At("link")));
        Assert.True(FileStatus.IsSame(At("folder/link"), At("a")) || !OperatingSystem.IsLinux());
        Assert.False(FileStatus.IsSame(At("a"), At("b")));
        Assert.True(FileStatus.IsSame(At("none"), At("./none")));
        Assert.False(FileStatus.IsSame(At("none"), At("other")));
        Assert.False(FileStatus.IsSame(At("none"), At("a")));
    }

    [Fact]
    public void APathIsWithinAFolder_AsItIsWrittenAndByWhateverLinks()
    {
        Directory.CreateDirectory(At("model/inside/deep"));
        Directory.CreateDirectory(At("model2"));
        Directory.CreateSymbolicLink(At("link"), At("model"));
        Directory.CreateSymbolicLink(At("into"), At("link/inside"));
        Directory.CreateSymbolicLink(At("model2/away"), At("elsewhere"));
        foreach (string path in new[] { "model", "model/", "./model", "link", "into", "model/inside", "into/deep", "link/none", "into/none/nor" })
        {
            Assert.True(FileStatus.IsWithin(At(path), At("model")), path);
            Assert.True(FileStatus.IsWithin(At(path), At("link/")), path);
        }
        Assert.True(FileStatus.IsWithin(At("into/deep"), At("model/inside")));
        Assert.True(FileStatus.IsWithin(At("model2/away"), At("model2")));
        foreach (string path in new[] { "model2", "mode", "none", "model2/away" }) { Assert.False(FileStatus.IsWithin(At(path), At("model")), path); }
        Assert.False(FileStatus.IsWithin(At("model"), At("model/inside")));
    }

    // The second run opens the file before the first renames it, and has its lock after: what it then holds is the finished output.
    [Fact]
    public async Task ASecondRun_NeverEmptiesWhatTheFirstHasFinished()
    {
        const int Rounds = 2000;
        byte[] content = [.. Enumerable.Repeat((byte)'x', 64)];
        int second = 0;
        bool done = false;
        // A thread of its own: where tests fill the pool's, a task might not begin before the end.
        Task intruder = Task.Factory.StartNew(() =>
        {
            while (!Volatile.Read(ref done))
            {
                try
                {
                    using PartialFile file = PartialFile.Create(At("out.partial"));
                    Interlocked.Increment(ref second);
                    file.Delete();
                }
                catch (IOException) { } // the first has it
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        for (int round = 0; round < Rounds || Volatile.Read(ref second) == 0;)
        {
            try
            {
                using PartialFile file = PartialFile.Create(At("out.partial"));
                file.Write(content);
                file.Complete(At("out"), overwrite: true);
            }
            catch (IOException) { continue; } // the second has it
            Assert.Equal(content, ReadWhenFree(At("out")));
            round++;
        }
        Volatile.Write(ref done, true);
        await intruder;
    }

    // The second run's lock lies on the finished output until it has seen what it holds, and .NET's readers respect locks.
    private static byte[] ReadWhenFree(string path)
    {
        while (true)
        {
            try { return File.ReadAllBytes(path); }
            catch (IOException error) when (error is not FileNotFoundException) { }
        }
    }

    [Fact]
    public void Complete_NamesTheFileBeforeItIsFreeForAnother()
    {
        using PartialFile file = PartialFile.Create(At("out.partial"));
        Assert.Throws<BusyOutputException>(() => PartialFile.Create(At("out.partial")));
        Assert.True(FileStatus.IsAt(file.SafeFileHandle, At("out.partial")));
        File.Move(At("out.partial"), At("elsewhere"));
        Assert.Equal(!OperatingSystem.IsLinux(), FileStatus.IsAt(file.SafeFileHandle, At("out.partial")));
        using PartialFile other = PartialFile.Create(At("out.partial")); // a new file: the first run's has another name
        Assert.Equal(!OperatingSystem.IsLinux(), FileStatus.IsAt(file.SafeFileHandle, At("out.partial")));
        file.Delete(); // is not there any more: what has its name now stays
        Assert.True(File.Exists(At("out.partial")));
        other.Delete();
        Assert.False(File.Exists(At("out.partial")));
    }

    [Fact]
    public void Complete_ReplacesNothingThatCameMeanwhile_UnlessItMay()
    {
        using PartialFile file = PartialFile.Create(At("out.partial"));
        file.Write("mine"u8);
        File.WriteAllText(At("out"), "precious");
        Assert.Contains("exists", Assert.Throws<IOException>(() => file.Complete(At("out"), overwrite: false)).Message);
        Assert.Equal("precious", File.ReadAllText(At("out")));
        file.Complete(At("out"), overwrite: true);
        Assert.Equal("mine", File.ReadAllText(At("out")));
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public void AFailedWriteWhole_LeavesWhatWasThere()
    {
        File.WriteAllText(At("out"), "old");
        Assert.Throws<InvalidOperationException>(() => PartialFile.WriteWhole(At("out"), _ => throw new InvalidOperationException("planted"), overwrite: true));
        Assert.Equal("old", File.ReadAllText(At("out")));
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder));
        PartialFile.WriteWhole(At("out"), stream => stream.Write("new"u8), overwrite: true);
        Assert.Equal("new", File.ReadAllText(At("out")));
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
