using MiniLM.Tests;

namespace MiniLM.Cli.Tests;

public sealed class BadInputTests : CommandTests
{
    private CommandResult Embed(string model, string input, string output = "out.npy") =>
        CommandLine.Run("embed", "--model", model, "--input", input, "--output", At(output));

    [Fact]
    public void Embed_RefusesMissingFiles()
    {
        Embed(BiEncoder, At("none.jsonl")).AssertRefused(1, "none.jsonl: no such file");
        Embed(At("no-model"), Write("a.txt", "one")).AssertRefused(1, "no-model: no such model folder");
        CommandLine.Run("embed", "--model", "no-such-name", "x").AssertRefused(1, "No model 'no-such-name'");
        Embed(BiEncoder, Folder).AssertRefused(1, "is a folder");
        AssertOnly("a.txt");
    }

    [Fact]
    public void Embed_RefusesAMissingOutputFolderAndAFileInItsPlace()
    {
        string input = Write("a.txt", "one");
        Embed(BiEncoder, input, "none/out.npy").AssertRefused(1, "there is no folder");
        Embed(BiEncoder, input, "a.txt/out.npy").AssertRefused(1, "is a file, not a folder");
        Directory.CreateDirectory(At("dir.npy"));
        Embed(BiEncoder, input, "dir.npy").AssertRefused(1, "is a folder");
        AssertOnly("a.txt", "dir.npy");
    }

    [Fact]
    public void Embed_OverwritesOnlyWhenAsked()
    {
        string input = Write("a.txt", "one");
        Write("out.npy", "precious");
        Embed(BiEncoder, input).AssertRefused(1, "out.npy: exists. Use --overwrite");
        Assert.Equal("precious", File.ReadAllText(At("out.npy")));
        CommandLine.Run("embed", "--model", BiEncoder, "--input", input, "--output", At("out.npy"), "--overwrite").AssertDone();
        Assert.Equal(128 + 32 * 4, new FileInfo(At("out.npy")).Length);
    }

    [Fact]
    public void Embed_RefusesTextThatIsNotUtf8WithItsLineAndLeavesNothing()
    {
        string input = Write("a.jsonl", JsonTexts(2000));
        File.AppendAllBytes(input, [.. "{\"text\":\"caf"u8, 0xE9, .. "\"}\n"u8]);
        Embed(BiEncoder, input).AssertRefused(1, "a.jsonl:2001: not UTF-8");
        AssertOnly("a.jsonl");
    }

    [Fact]
    public void Messages_NameTheFileBeforeItsFormat()
    {
        CommandLine.Run("rerank", "--model", CrossEncoder, "--pairs", "nosuch", "--columns", "a,b").AssertRefused(1, "nosuch: no such file");
        CommandLine.Run("index", "--dense", "--model", BiEncoder, "--corpus", "nosuch", "--output", At("k")).AssertRefused(1, "nosuch: no such file");
        Embed(BiEncoder, Write("null.jsonl", "{\"text\":null}\n")).AssertRefused(1, "null.jsonl:1: has no 'text', or it is null");
        string model = CopyWithSetting("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4");
        CommandLine.Run("embed", "--model", model, "x").AssertRefused(1, $"{model}/model.safetensors: has no tensor");
    }

    [Fact]
    public void Embed_RefusesTheWrongKindOfModel() => CommandLine.Run("embed", "--model", CrossEncoder, "x").AssertRefused(1, "a cross-encoder");

    [Fact]
    public void Embed_RefusesAnUnknownArchitecture()
    {
        string model = CopyWithSetting("\"model_type\": \"bert\"", "\"model_type\": \"roberta\"");
        CommandLine.Run("embed", "--model", model, "x").AssertRefused(1, "model_type 'roberta' is not supported");
    }

    [Fact]
    public void Embed_RefusesTheGoldenRobertaFolder() =>
        CommandLine.Run("embed", "--model", SharedFolder.Require("golden", "forward", "tiny", "roberta"), "x").AssertRefused(1, "roberta");

    [Fact]
    public void Embed_RefusesATokenizerOfAnotherModel()
    {
        string model = CopyModel(BiEncoder, "other");
        File.AppendAllText(Path.Combine(model, "vocab.txt"), "\nextra\n");
        CommandLine.Run("embed", "--model", model, "x").AssertRefused(1, "config.json says vocab_size 200");
    }

    [Fact]
    public void Embed_RefusesATokenizerThatIsMuchSmallerThanTheModel()
    {
        string model = CopyModel(BiEncoder, "other"), vocabulary = Path.Combine(model, "vocab.txt");
        File.Delete(Path.Combine(model, "tokenizer.json"));
        File.WriteAllLines(vocabulary, File.ReadAllLines(vocabulary)[..150]);
        CommandLine.Run("embed", "--model", model, "x").AssertRefused(1, "the tokenizer has 150 tokens only, config.json says vocab_size 200");
    }

    [Fact]
    public void Embed_RefusesAWrongShape()
    {
        string model = CopyWithSetting("\"intermediate_size\": 64", "\"intermediate_size\": 96");
        CommandLine.Run("embed", "--model", model, "x").AssertRefused(1, "96");
    }

    [Fact]
    public void Embed_RefusesNanWeights()
    {
        string model = CopyModel(BiEncoder, "other");
        ThreeLabels.Poison(Path.Combine(model, "model.safetensors"));
        Embed(model, Write("a.txt", "one")).AssertRefused(1, "word_embeddings.weight");
        AssertOnly("a.txt", "other");
    }
}
