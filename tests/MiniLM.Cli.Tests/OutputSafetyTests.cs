using System.Text.Json;

namespace MiniLM.Cli.Tests;

/// <summary>What a run must never cost: another run's output, a folder of something else, a full disk's rest.</summary>
public sealed class OutputSafetyTests : CommandTests
{
    [Fact]
    public void Embed_LeavesTheOutputOfARunThatIsStillWritingItAlone()
    {
        string input = Write("in.jsonl", JsonTexts(200));
        File.WriteAllText(At("out.npy.partial"), "rows of another run");
        File.WriteAllText(At("out.npy.partial.json"), "{}");
        using (new FileStream(At("out.npy.partial"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--output", At("out.npy"), "--overwrite")
                .AssertRefused(1, "another run is writing it");
            CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--output", At("out.npy"), "--resume")
                .AssertRefused(1, "another run is writing it");
            CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--output", At("out.npy")).AssertRefused(1, "another run is writing it");
        }
        CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--output", At("out.npy")).AssertRefused(1, "left by an unfinished run");
        Assert.Equal("rows of another run", File.ReadAllText(At("out.npy.partial")));
    }

    // Two runs that begin together, and a file that comes while a run works: neither is replaced unasked.
    [Fact]
    public void AnOutputThatCameMeanwhile_StaysAndTheWorkIsKept()
    {
        string input = Write("in.jsonl", JsonTexts(30_000));
        CommandResult result = CommandLine.Shell(
            $"$MINILM embed --model {BiEncoder} --input {input} --output out.npy & while [ ! -s out.npy.partial.json ]; do sleep .01; done; "
            + "echo precious > out.npy; wait $!; echo $?", Folder);
        Assert.Equal("1\n", result.Output);
        Assert.Contains("out.npy: exists, which it did not when this run began.", result.Error);
        Assert.Equal("precious\n", File.ReadAllText(At("out.npy")));
        File.Delete(At("out.npy"));
        CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--output", At("out.npy"), "--resume").AssertDone();
        Assert.Equal(128 + 30_000 * 32 * 4, new FileInfo(At("out.npy")).Length);
        AssertOnly("in.jsonl", "out.npy");
    }

    [Theory]
    [InlineData("index")]
    [InlineData("convert")]
    public void Overwrite_ReplacesOnlyWhatTheCommandMakes(string command)
    {
        Directory.CreateDirectory(At("precious"));
        File.WriteAllText(At(Path.Combine("precious", "diary")), "mine");
        string[] arguments = command == "index"
            ? ["index", "--dense", "--corpus", Write("corpus.jsonl", IndexCommandTests.Corpus)]
            : ["convert", "--dtype", "float16"];
        CommandLine.Run([.. arguments, "--model", BiEncoder, "--output", At("precious"), "--overwrite"]).AssertRefused(1, "not overwritten");
        Assert.Equal("mine", File.ReadAllText(At(Path.Combine("precious", "diary"))));
        CommandLine.Run([.. arguments, "--model", BiEncoder, "--output", At("made")]).AssertDone();
        CommandLine.Run([.. arguments, "--model", BiEncoder, "--output", At("made"), "--overwrite"]).AssertDone();
        Assert.DoesNotContain(Directory.GetFileSystemEntries(Folder), entry => entry.Contains(".partial", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("index --dense --corpus corpus.jsonl --output made")]
    [InlineData("convert --dtype float32 --output made")]
    [InlineData("convert --to onnx --output made.onnx")]
    public void FolderOutputs_LeaveNothingWhenAFileMayNotGrow(string arguments)
    {
        Write("corpus.jsonl", string.Concat(Enumerable.Range(0, 300).Select(i => $"{{\"_id\":\"{i}\",\"text\":\"one two\"}}\n")));
        CommandResult result = CommandLine.Shell($"ulimit -f 16; $MINILM {arguments} --model {BiEncoder}; echo $?", Folder);
        Assert.Equal("1\n", result.Output);
        Assert.Matches("^minilm: [^ ]*made.*: cannot be written \\(File too large\\)\\. Nothing is kept of it: make room, or choose another place\\.\n$",
            result.Error);
        AssertOnly("corpus.jsonl");
    }

    [Theory]
    [InlineData("index --dense --corpus c.jsonl --output m/made")]
    [InlineData("convert --dtype float32 --output m/made")]
    [InlineData("convert --to onnx --output m/made.onnx")]
    [InlineData("search --index k --queries q.tsv --output m/made.run")]
    public void Outputs_SayWhatAFullDiskAndAReadOnlyOneMean(string arguments)
    {
        string corpus = Write("c.jsonl", string.Concat(Enumerable.Range(0, 300).Select(i => $"{{\"_id\":\"{i}\",\"text\":\"one two\"}}\n")));
        Write("q.tsv", string.Concat(Enumerable.Range(0, 300).Select(i => $"{i}\tone two {i}\n")));
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", corpus, "--output", At("k")).AssertDone();
        string run = $"$MINILM {arguments}{(arguments.StartsWith("search", StringComparison.Ordinal) ? "" : " --model " + BiEncoder)}; echo $?; ls -A m";
        CommandResult result = ShellWithMount("16k", $"{run}; mount -o remount,ro m; {run}");
        Assert.Equal("1\n1\n", result.Output);
        string[] lines = result.Error.TrimEnd().Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.Matches("^minilm: [^ ]*made.*: cannot be written \\(No space left on device\\)\\. Nothing is kept of it", lines[0]);
        Assert.Matches("^minilm: [^ ]*made.*: cannot be written \\(Read-only file system\\)\\. Nothing is kept of it", lines[1]);
    }

    [Theory]
    [InlineData("index")]
    [InlineData("convert")]
    public void FolderOutputs_LeaveWhatIsNotTheirsAlone(string command)
    {
        string[] arguments = command == "index"
            ? ["index", "--dense", "--corpus", Write("corpus.jsonl", IndexCommandTests.Corpus)]
            : ["convert", "--dtype", "float16"];
        arguments = [.. arguments, "--model", BiEncoder, "--output", At("k")];
        // Somebody's own folder.
        Directory.CreateDirectory(At("k.partial"));
        Write("k.partial/diary", "mine");
        CommandLine.Run(arguments).AssertRefused(1, "k.partial: was not left by an unfinished run");
        Assert.Equal("mine", File.ReadAllText(At("k.partial/diary")));
        // Another run's, which is still at it.
        Write("k.partial/.minilm-partial", "");
        using (new FileStream(At("k.partial/.minilm-partial"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            CommandLine.Run(arguments).AssertRefused(1, "k.partial: another run is writing it");
        }
        Assert.Equal("mine", File.ReadAllText(At("k.partial/diary")));
        // A killed run's.
        CommandLine.Run(arguments).AssertDone();
        Assert.False(Path.Exists(At("k.partial")));
        Assert.False(Path.Exists(At("k/.minilm-partial")));
        Assert.False(Path.Exists(At("k/diary")));
        Directory.CreateDirectory(At("k.old.partial"));
        CommandLine.Run([.. arguments, "--overwrite"]).AssertRefused(1, "k.old.partial: is there");
        Assert.True(Directory.Exists(At("k.old.partial")));
        Write("l.partial", "a file");
        CommandLine.Run([.. arguments[..^1], At("l")]).AssertRefused(1, "l.partial: is a file");
    }

    [Fact]
    public void FileOutputs_LeaveTheOutputOfARunThatIsStillWritingItAlone()
    {
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", Write("corpus.jsonl", IndexCommandTests.Corpus),
            "--output", At("k")).AssertDone();
        foreach (string name in new[] { "out.run", "out.onnx" })
        {
            using FileStream other = new(At(name + ".partial"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);
            string[] arguments = name == "out.run"
                ? ["search", "--index", At("k"), "--queries", Write("q.tsv", "a\tone\n")]
                : ["convert", "--to", "onnx", "--model", BiEncoder];
            CommandLine.Run([.. arguments, "--output", At(name)]).AssertRefused(1, "another run is writing it");
            Assert.True(File.Exists(At(name + ".partial")));
        }
    }

    [Fact]
    public void Outputs_ReplaceRegularFilesOnly()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "skipped: devices of Linux");
        CommandLine.Shell("mkfifo pipe.npy", Folder);
        File.CreateSymbolicLink(At("link.npy"), "/dev/null");
        foreach (string path in new[] { "/dev/null", "/dev/stdout", At("pipe.npy"), At("link.npy") })
        {
            CommandLine.Run("tokenize", "--model", BiEncoder, "one", "--output", path, "--overwrite").AssertRefused(1, "is a device, a pipe or a socket");
            CommandLine.Run("convert", "--model", BiEncoder, "--to", "onnx", "--output", path, "--overwrite")
                .AssertRefused(1, "is a device, a pipe or a socket");
        }
        string shared = $"/dev/shm/{Path.GetFileName(Folder)}.npy";
        try
        {
            CommandLine.Run("embed", "--model", BiEncoder, "one", "--output", shared).AssertDone();
            CommandLine.Run("embed", "--model", BiEncoder, "one", "--output", shared, "--overwrite").AssertDone();
        }
        finally { File.Delete(shared); }
    }

    [Fact]
    public void Convert_RefusesDamagedWeights()
    {
        string model = CopyModel(BiEncoder, "damaged");
        string weights = Path.Combine(model, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        int header = (int)BitConverter.ToInt64(bytes);
        using (JsonDocument json = JsonDocument.Parse(bytes.AsMemory(8, header)))
        {
            int begin = json.RootElement.GetProperty("embeddings.LayerNorm.weight").GetProperty("data_offsets")[0].GetInt32();
            BitConverter.GetBytes(float.NaN).CopyTo(bytes, 8 + header + begin);
        }
        File.WriteAllBytes(weights, bytes);
        CommandLine.Run("convert", "--model", model, "--dtype", "float16", "--output", At("made")).AssertRefused(1, "NaN");
        Assert.False(Path.Exists(At("made")));
    }

    [Fact]
    public void Similarity_TakesOneColumnTwice()
    {
        string input = Write("in.jsonl", "{\"text\":\"one\"}\n");
        Assert.Contains("\"score\":1", CommandLine.Run("similarity", "--model", BiEncoder, "--input", input, "--columns", "text,text", "--output", "-")
            .AssertDone().Output.Replace("0.99999994", "1").Replace("1.0000001", "1"), StringComparison.Ordinal);
    }

    [Fact]
    public void Index_RefusesAnIdThatARunCouldNotHold() =>
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", Write("corpus.jsonl", "{\"_id\":\"a b\",\"text\":\"one\"}\n"), "--output",
            At("made")).AssertRefused(1, "white space");
}
