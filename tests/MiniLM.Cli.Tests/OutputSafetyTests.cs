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
            CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--output", At("out.npy"), "--overwrite").AssertRefused(1, "another run is writing it");
            CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--output", At("out.npy"), "--resume").AssertRefused(1, "another run is writing it");
        }
        Assert.Equal("rows of another run", File.ReadAllText(At("out.npy.partial")));
    }

    [Theory]
    [InlineData("index")]
    [InlineData("convert")]
    public void Overwrite_ReplacesOnlyWhatTheCommandMakes(string command)
    {
        Directory.CreateDirectory(At("precious"));
        File.WriteAllText(At(Path.Combine("precious", "diary")), "mine");
        string[] arguments = command == "index" ? ["index", "--dense", "--corpus", Write("corpus.jsonl", IndexCommandTests.Corpus)] : ["convert", "--dtype", "float16"];
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
        Assert.Contains("a file grew past the size that the system allows", result.Error, StringComparison.Ordinal);
        AssertOnly("corpus.jsonl");
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
        Assert.Contains("\"score\":1", CommandLine.Run("similarity", "--model", BiEncoder, "--input", input, "--columns", "text,text", "--output", "-").AssertDone().Output.Replace("0.99999994", "1").Replace("1.0000001", "1"), StringComparison.Ordinal);
    }

    [Fact]
    public void Index_RefusesAnIdThatARunCouldNotHold() =>
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", Write("corpus.jsonl", "{\"_id\":\"a b\",\"text\":\"one\"}\n"), "--output", At("made")).AssertRefused(1, "white space");
}
