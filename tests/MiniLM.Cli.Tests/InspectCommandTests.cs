using System.Text.Json;

namespace MiniLM.Cli.Tests;

public sealed class InspectCommandTests : CommandTests
{
    [Fact]
    public void Inspect_ReportsAModelsTensorsAndSettings()
    {
        CommandResult result = CommandLine.Run("inspect", BiEncoder, "--json").AssertDone();
        JsonElement report = JsonDocument.Parse(result.Output).RootElement;
        Assert.Equal("bi-encoder", report.GetProperty("kind").GetString());
        Assert.Equal("bert", report.GetProperty("architecture").GetString());
        Assert.Equal("mean", report.GetProperty("pooling")[0].GetString());
        Assert.Equal(32, report.GetProperty("output_size").GetInt32());
        Assert.Equal(200, report.GetProperty("config").GetProperty("vocab_size").GetInt32());
        Assert.True(report.GetProperty("checks").GetProperty("ok").GetBoolean());
        Assert.Equal(55, report.GetProperty("dtypes").GetProperty("F32").GetInt32());
        JsonElement table = report.GetProperty("tensors").EnumerateArray()
            .Single(tensor => tensor.GetProperty("name").GetString() == "embeddings.word_embeddings.weight");
        Assert.Equal([200, 32], table.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()));
        Assert.Equal(25600, table.GetProperty("bytes").GetInt64());
    }

    [Fact]
    public void Inspect_TellsACrossEncoderByItsLabels()
    {
        JsonElement report = JsonDocument.Parse(CommandLine.Run("inspect", CrossEncoder, "--json").AssertDone().Output).RootElement;
        Assert.Equal("cross-encoder", report.GetProperty("kind").GetString());
        Assert.Equal(report.GetProperty("output_size").GetInt32(), report.GetProperty("labels").GetArrayLength());
    }

    [Fact]
    public void Inspect_PrintsATableForPeople()
    {
        CommandResult result = CommandLine.Run("inspect", BiEncoder).AssertDone();
        Assert.Contains("all finite", result.Output);
        Assert.Contains("encoder.layer.2.output.dense.weight", result.Output);
    }

    [Fact]
    public void Inspect_TakesASingleWeightFile()
    {
        JsonElement report = JsonDocument.Parse(CommandLine.Run("inspect", Path.Combine(BiEncoder, "model.safetensors"), "--json")
            .AssertDone().Output).RootElement;
        Assert.Equal("safetensors", report.GetProperty("kind").GetString());
        Assert.Equal(55, report.GetProperty("tensors").GetArrayLength());
    }

    [Fact]
    public void Inspect_CountsNanAndInfinityByTensor()
    {
        string model = CopyModel(BiEncoder, "nan"), weights = Path.Combine(model, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 4), float.NaN);
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 8), float.NegativeInfinity);
        File.WriteAllBytes(weights, bytes);
        CommandResult result = CommandLine.Run("inspect", model, "--json").AssertDone();
        JsonElement report = JsonDocument.Parse(result.Output).RootElement;
        Assert.False(report.GetProperty("checks").GetProperty("ok").GetBoolean());
        JsonElement last = report.GetProperty("tensors").EnumerateArray().Last();
        Assert.Equal((1, 1), (last.GetProperty("nan").GetInt32(), last.GetProperty("inf").GetInt32()));
        Assert.Contains($"tensor '{last.GetProperty("name").GetString()}' has 1 NaN and 1 infinite", result.Error);
    }

    [Fact]
    public void Inspect_SaysThatTokenizerAndModelDisagree()
    {
        string model = CopyModel(BiEncoder, "vocabulary");
        File.AppendAllText(Path.Combine(model, "vocab.txt"), "more\nstillmore\n");
        CommandResult result = CommandLine.Run("inspect", model, "--json").AssertDone();
        JsonElement checks = JsonDocument.Parse(result.Output).RootElement.GetProperty("checks");
        Assert.False(checks.GetProperty("ok").GetBoolean());
        Assert.Equal((202, 200), (checks.GetProperty("tokenizer_vocabulary").GetInt32(), checks.GetProperty("config_vocabulary").GetInt32()));
        Assert.Contains("They are not of one model", result.Error);
    }

    [Fact]
    public void Inspect_RefusesWhatIsNotThereOrDamaged()
    {
        CommandLine.Run("inspect", At("nowhere")).AssertRefused(1, "nowhere");
        CommandLine.Run("inspect", Write("short.safetensors", "abc")).AssertRefused(1, "too short");
        foreach (string name in new[] { "m.onnx", "a.npy", "a.json" })
        {
            CommandLine.Run("inspect", Write(name, "{\"some\": \"text\"}\n")).AssertRefused(1, $"{name}: is not a safetensors file");
        }
        CommandLine.Run("inspect").AssertRefused(2, "give a path");
        string model = CopyModel(BiEncoder, "cut"), weights = Path.Combine(model, "model.safetensors");
        File.WriteAllBytes(weights, File.ReadAllBytes(weights)[..^100]);
        CommandLine.Run("inspect", model).AssertRefused(1, "model.safetensors");
    }
}
