using System.Text.Json;

namespace MiniLM.Cli.Tests;

public sealed class ConvertCommandTests : CommandTests
{
    [Fact]
    public void Convert_ToTheSameTypeKeepsEveryTensorAndFile()
    {
        CommandLine.Run("convert", "--model", BiEncoder, "--dtype", "float32", "--output", At("copy")).AssertDone();
        Assert.Equal(Tensors(BiEncoder), Tensors(At("copy")));
        Assert.Equal(File.ReadAllBytes(Path.Combine(BiEncoder, "vocab.txt")), File.ReadAllBytes(At("copy/vocab.txt")));
        AssertOnly("copy");
    }

    [Theory]
    [InlineData("float16", "F16")]
    [InlineData("bfloat16", "BF16")]
    public void Convert_ToHalvesAndBackAndAgainGivesTheSameBytes(string dtype, string stored)
    {
        CommandLine.Run("convert", "--model", BiEncoder, "--dtype", dtype, "--output", At("half")).AssertDone();
        Assert.All(Tensors(At("half")), tensor => Assert.Contains(stored, tensor));
        Assert.Contains(dtype, File.ReadAllText(At("half/config.json")));
        CommandLine.Run("convert", "--model", At("half"), "--dtype", "float32", "--output", At("back")).AssertDone();
        CommandLine.Run("convert", "--model", At("back"), "--dtype", dtype, "--output", At("again")).AssertDone();
        Assert.Equal(File.ReadAllBytes(At("half/model.safetensors")), File.ReadAllBytes(At("again/model.safetensors")));
        Assert.Equal(Embedding(At("half")), Embedding(At("back")));
    }

    [Fact]
    public void Convert_CutsShardsThatRunTheSame()
    {
        CommandLine.Run("convert", "--model", BiEncoder, "--max-shard-bytes", "40000", "--output", At("shards")).AssertDone();
        Assert.True(File.Exists(At("shards/model.safetensors.index.json")));
        Assert.True(Directory.GetFiles(At("shards"), "model-*.safetensors").Length > 1);
        Assert.Equal(Embedding(BiEncoder), Embedding(At("shards")));
    }

    [Fact]
    public void Convert_GivesModernNames()
    {
        CommandLine.Run("convert", "--model", CrossEncoder, "--modern-names", "--output", At("modern")).AssertDone();
        Assert.DoesNotContain(Tensors(At("modern")), tensor => tensor.Contains("LayerNorm.gamma", StringComparison.Ordinal));
    }

    [Fact]
    public void Convert_KeepsSomeLayers()
    {
        CommandLine.Run("convert", "--model", BiEncoder, "--layers", "0,2", "--output", At("two")).AssertDone();
        Assert.Contains("\"num_hidden_layers\": 2", File.ReadAllText(At("two/config.json")), StringComparison.Ordinal);
        Assert.NotEqual(Embedding(BiEncoder), Embedding(At("two")));
        CommandLine.Run("convert", "--model", BiEncoder, "--layers", "0,1,2", "--output", At("all")).AssertDone();
        Assert.Equal(File.ReadAllBytes(Path.Combine(BiEncoder, "model.safetensors")), File.ReadAllBytes(At("all/model.safetensors")));
        CommandLine.Run("convert", "--model", BiEncoder, "--layers", "3", "--output", At("none")).AssertRefused(1, "has no layer 3: it has 3");
        foreach (string layers in new[] { "1,0", "1,1", "-1", "a", "1,", "1, 2" })
        {
            CommandLine.Run("convert", "--model", BiEncoder, $"--layers={layers}", "--output", At("none")).AssertRefused(2, $"--layers {layers}");
        }
        AssertOnly("all", "two");
    }

    [Fact]
    public void Convert_PutsANewHeadOnAnEncoder()
    {
        CommandLine.Run("convert", "--model", BiEncoder, "--num-labels", "1", "--seed", "7", "--dtype", "float32", "--output", At("one")).AssertDone();
        Write("pairs.tsv", "a\tb\none\ttwo\n");
        Assert.Single(CommandLine.Run("rerank", "--model", At("one"), "--pairs", At("pairs.tsv"), "--columns", "a,b").AssertDone().Lines);
        CommandLine.Run("convert", "--model", CrossEncoder, "--num-labels", "1", "--output", At("x")).AssertRefused(1, "is a classifier of 2 label(s)");
        CommandLine.Run("convert", "--model", BiEncoder, "--num-labels", "1", "--layers", "0", "--output", At("x")).AssertRefused(2, "second convert");
        CommandLine.Run("convert", "--model", BiEncoder, "--num-labels", "1", "--modern-names", "--output", At("x")).AssertRefused(2, "--modern-names");
        CommandLine.Run("convert", "--model", BiEncoder, "--seed", "1", "--output", At("x")).AssertRefused(2, "--seed goes with --num-labels");
        CommandLine.Run("convert", "--model", BiEncoder, "--num-labels", "1", "--to", "onnx", "--output", At("x")).AssertRefused(2, "--to onnx");
        AssertOnly("one", "pairs.tsv");
    }

    [Fact]
    public void Convert_WritesOnnxInOnePiece()
    {
        CommandLine.Run("convert", "--model", BiEncoder, "--to", "onnx", "--output", At("m.onnx")).AssertDone();
        Assert.True(new FileInfo(At("m.onnx")).Length > 100_000);
        AssertOnly("m.onnx");
        CommandLine.Run("convert", "--model", BiEncoder, "--to", "onnx", "--output", At("m.onnx")).AssertRefused(1, "--overwrite");
        CommandLine.Run("convert", "--model", BiEncoder, "--to", "onnx", "--output", At("m.onnx"), "--overwrite").AssertDone();
    }

    [Fact]
    public void Convert_OverwritesOnlyWhenAsked()
    {
        Directory.CreateDirectory(At("there"));
        Write("there/precious", "x");
        Write("there/config.json", "{}");
        CommandLine.Run("convert", "--model", BiEncoder, "--dtype", "float16", "--output", At("there")).AssertRefused(1, "there: exists. Use --overwrite");
        Assert.Equal("x", File.ReadAllText(At("there/precious")));
        CommandLine.Run("convert", "--model", BiEncoder, "--dtype", "float16", "--output", At("there"), "--overwrite").AssertDone();
        Assert.False(File.Exists(At("there/precious")));
        Directory.CreateSymbolicLink(At("link"), At("there"));
        CommandLine.Run("convert", "--model", At("link"), "--dtype", "float32", "--output", At("there"), "--overwrite")
            .AssertRefused(1, "is, or lies around or inside, the model that is read");
        AssertOnly("link", "there");
    }

    [Fact]
    public void Convert_RefusesPlacesItCannotWriteTo()
    {
        Write("file", "x");
        CommandLine.Run("convert", "--model", BiEncoder, "--dtype", "float16", "--output", At("none/out")).AssertRefused(1, "there is no folder");
        CommandLine.Run("convert", "--model", BiEncoder, "--dtype", "float16", "--output", At("file/out")).AssertRefused(1, "is a file, not a folder");
        CommandLine.Run("convert", "--model", BiEncoder, "--dtype", "float16", "--output", At("file"), "--overwrite").AssertRefused(1, "file");
        AssertOnly("file");
    }

    [Fact]
    public void Convert_RefusesOptionsThatMeanNothing()
    {
        CommandLine.Run("convert", "--model", BiEncoder, "--dtype", "float17", "--output", At("x")).AssertRefused(2, "Did you mean float16");
        CommandLine.Run("convert", "--model", BiEncoder, "--to", "onnx", "--dtype", "float16", "--output", At("x"))
            .AssertRefused(2, "--to onnx writes float32");
        CommandLine.Run("convert", "--model", BiEncoder, "--max-shard-bytes", "0", "--output", At("x")).AssertRefused(2, "--max-shard-bytes 0");
        CommandLine.Run("convert", "--model", BiEncoder).AssertRefused(2, "--output");
        AssertOnly();
    }

    private static string Embedding(string model) => CommandLine.Run("embed", "--model", model, "one two three").AssertDone().Output;

    /// <summary>Name, type, shape, extremes of all tensors in a model.</summary>
    private static string[] Tensors(string model)
    {
        JsonElement report = JsonDocument.Parse(CommandLine.Run("inspect", model, "--json").AssertDone().Output).RootElement;
        return [.. report.GetProperty("tensors").EnumerateArray().Select(tensor => tensor.GetRawText()).Order(StringComparer.Ordinal)];
    }

    [Theory]
    [InlineData("--dtype", "float16")]
    [InlineData("--to", "onnx")]
    public void Convert_InterruptedLeavesNothing(params string[] form)
    {
        using CancellationTokenSource signal = new();
        signal.Cancel();
        Assert.Equal(130, CommandLine.RunWith(signal.Token, "", ["convert", "--model", BiEncoder, .. form, "--output", At("made")]).Code);
        AssertOnly();
    }
}
