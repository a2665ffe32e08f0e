using System.Text.Json;

namespace MiniLM.Cli.Tests;

public sealed class CreateCommandTests : CommandTests
{
    private static string[] Inputs => ["--config", Path.Combine(BiEncoder, "config.json"), "--vocab", Path.Combine(BiEncoder, "vocab.txt")];

    private CommandResult Create(string name, params string[] more) => CommandLine.Run(["create", .. Inputs, "--output", At(name), .. more]);

    [Fact]
    public void Create_MakesABiEncoderThatEmbeds()
    {
        Create("new", "--seed", "1").AssertDone();
        JsonElement embedding = JsonDocument.Parse(CommandLine.Run("embed", "--model", At("new"), "one two").AssertDone().Output).RootElement
            .GetProperty("embedding");
        Assert.Equal(32, embedding.GetArrayLength());
        Assert.Equal(1, embedding.EnumerateArray().Sum(value => value.GetDouble() * value.GetDouble()), 1e-5);
        Assert.Equal("sentence_transformers.models.Pooling", JsonDocument.Parse(File.ReadAllText(At("new/modules.json"))).RootElement[1]
            .GetProperty("type").GetString());
        Assert.Equal(64, JsonDocument.Parse(File.ReadAllText(At("new/sentence_bert_config.json"))).RootElement.GetProperty("max_seq_length").GetInt32());
        Assert.True(JsonDocument.Parse(File.ReadAllText(At("new/1_Pooling/config.json"))).RootElement.GetProperty("pooling_mode_mean_tokens").GetBoolean());
        string[] files = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "config_sentence_transformers.json"];
        foreach (string file in files)
        {
            Assert.True(File.Exists(At($"new/{file}")), file);
        }
        Assert.Contains("\"torch_dtype\": \"float32\"", File.ReadAllText(At("new/config.json")), StringComparison.Ordinal);
        AssertOnly("new");
    }

    [Fact]
    public void Create_MakesTheSameBytesOfTheSameSeed()
    {
        Create("a", "--seed", "1").AssertDone();
        Create("b", "--seed", "1").AssertDone();
        Create("c", "--seed", "2").AssertDone();
        Assert.Equal(File.ReadAllBytes(At("a/model.safetensors")), File.ReadAllBytes(At("b/model.safetensors")));
        Assert.NotEqual(File.ReadAllBytes(At("a/model.safetensors")), File.ReadAllBytes(At("c/model.safetensors")));
    }

    [Fact]
    public void Create_MakesAClassifierThatScores()
    {
        Create("one", "--num-labels", "1").AssertDone();
        Write("pairs.tsv", "a\tb\none\ttwo\nthree\tof\n");
        Assert.Equal(2, CommandLine.Run("rerank", "--model", At("one"), "--pairs", At("pairs.tsv"), "--columns", "a,b").AssertDone().Lines.Length);
        Assert.Contains("Sigmoid", File.ReadAllText(At("one/config_sentence_transformers.json")), StringComparison.Ordinal);
        Assert.False(File.Exists(At("one/modules.json")));
        Create("three", "--num-labels", "3").AssertDone();
        JsonElement report = JsonDocument.Parse(CommandLine.Run("inspect", At("three"), "--json").AssertDone().Output).RootElement;
        Assert.Equal("cross-encoder", report.GetProperty("kind").GetString());
    }

    [Fact]
    public void Create_RefusesWhatDoesNotFitTogether()
    {
        string config = File.ReadAllText(Path.Combine(BiEncoder, "config.json")), vocab = Path.Combine(BiEncoder, "vocab.txt");
        void Refused(string text, string part) => CommandLine.Run("create", "--config", Write("config.json", text), "--vocab", vocab, "--output", At("new"))
            .AssertRefused(1, part);
        Refused(config.Replace("\"vocab_size\": 200", "\"vocab_size\": 150"), "the tokenizer has ids up to 199");
        Refused(config.Replace("\"vocab_size\": 200", "\"vocab_size\": 30522"), "has 200 tokens only");
        Refused(config.Replace("\"pad_token_id\": 0", "\"pad_token_id\": 3"), "has the padding at 0");
        Refused(config.Replace("\"model_type\": \"bert\"", "\"model_type\": \"mpnet\""), "mpnet");
        Refused("[]", "not a JSON object");
        Refused("{", "not JSON");
        Refused(config.Replace("\"hidden_size\": 32", "\"hidden_size\": 33"), "not a multiple of num_attention_heads");
        AssertOnly("config.json");
    }

    [Fact]
    public void Create_RefusesPlacesAndNumbersThatAreNone()
    {
        CommandLine.Run("create", "--config", At("none.json"), "--vocab", At("v"), "--output", At("new")).AssertRefused(1, "none.json: no such file");
        CommandLine.Run(["create", .. Inputs[..2], "--vocab", At("none.txt"), "--output", At("new")]).AssertRefused(1, "none.txt");
        Create("none/new").AssertRefused(1, "there is no folder");
        Create("new", "--num-labels", "0").AssertRefused(2, "--num-labels 0");
        Create("new", "--seed", "-1").AssertRefused(2, "--seed -1");
        CommandLine.Run(["create", .. Inputs]).AssertRefused(2, "--output");
        AssertOnly();
        Create("new", "--seed", "1").AssertDone();
        Create("new", "--seed", "2").AssertRefused(1, "exists. Use --overwrite");
        Create("new", "--seed", "2", "--overwrite").AssertDone();
        AssertOnly("new");
    }

    [Fact]
    public void Create_InterruptedLeavesNothing()
    {
        using CancellationTokenSource signal = new();
        signal.Cancel();
        Assert.Equal(130, CommandLine.RunWith(signal.Token, "", ["create", .. Inputs, "--output", At("new")]).Code);
        AssertOnly();
    }
}
