using System.Text.Json;
using MiniLM.Cli.Commands;

namespace MiniLM.Cli.Tests;

public sealed class UsageTests : CommandTests
{
    [Theory]
    [InlineData("unknown command 'embd'. Did you mean embed?", "embd", "x")]
    [InlineData("unknown command 'serach'. Did you mean search?", "serach", "--index", "index", "x")]
    [InlineData("unknown command 'rnu'. Did you mean run?", "evaluate", "rnu", "--qrels", "x")]
    [InlineData("unknown option --qrls. Did you mean --qrels?", "evaluate", "run", "--qrls", "x")]
    [InlineData("unknown option --batch-size. Did you mean --batch-tokens?", "embed", "--batch-size", "8", "x")]
    [InlineData("unknown option --batch-size. Did you mean --per-device-train-batch-size or", "train", "--batch-size", "8")]
    [InlineData("unknown option --nonsense. A text that starts so goes behind '--'", "embed", "--nonsense")]
    [InlineData("no command given")]
    [InlineData("unknown option --modle. Did you mean --model?", "embed", "--modle", "x", "text")]
    [InlineData("--precision floot32: it is one of float32, bfloat16x3, bfloat16, float16, int8. Did you mean float32", "embed", "--precision", "floot32", "x")]
    [InlineData("--device cda: it is one of cpu, cuda", "embed", "--device", "cda", "x")]
    [InlineData("--threads 0: give a whole number from 1 to 1024", "embed", "--threads", "0", "x")]
    [InlineData("--threads 1025: give a whole number from 1 to 1024", "embed", "--threads", "1025", "x")]
    [InlineData("--threads 1000000: give a whole number from 1 to 1024", "bench", "--threads", "1000000")]
    [InlineData("--batch-tokens many: give a whole number", "embed", "--batch-tokens", "many", "x")]
    [InlineData("nothing to embed", "embed")]
    [InlineData("unexpected argument 'two'", "embed", "one", "two")]
    [InlineData("a text and --input", "embed", "one", "--input", "x.txt")]
    [InlineData("the format '.bin' is not known", "embed", "--input", "x.txt", "--output", "x.bin")]
    [InlineData("--columns is missing", "similarity", "--input", "x.tsv")]
    [InlineData("give --run", "rerank", "--model", "x")]
    [InlineData("--run needs --queries and --corpus", "rerank", "--run", "x")]
    [InlineData("--truncation longest: it is one of longest_first, only_first, only_second. Did you mean longest_first?", "tokenize",
        "--truncation", "longest", "x")]
    [InlineData("--device rocm: it is one of cpu, cuda, emulated, auto, reference, cuda:N", "embed", "--device", "rocm", "x")]
    [InlineData("--quotes yes: it is one of on, off", "similarity", "--quotes", "yes")]
    [InlineData("'--model'", "embed", "--model")]
    public void Run_RefusesWrongUsageInTwoLines(string message, params string[] arguments)
    {
        CommandResult result = CommandLine.Run(arguments);
        result.AssertRefused(2, message);
        Assert.StartsWith("Help: minilm ", result.Error.Split('\n')[1]);
    }

    [Theory]
    [InlineData("--precision int8: the cpu device has no such kernels", "--precision", "int8")]
    [InlineData("--precision bfloat16x3: the cpu device has no such kernels", "--precision", "bfloat16x3")]
    [InlineData("--precision float16: the reference device has no such kernels", "--precision", "float16", "--device", "reference")]
    public void Run_RefusesByNameWhatThisBuildCannot(string message, params string[] options) =>
        CommandLine.Run(["embed", "--model", BiEncoder, .. options, "x"]).AssertRefused(1, message);

    [Theory]
    [InlineData("embed", "give a smaller --batch-tokens or --max-length or input")]
    [InlineData("train", "give a smaller --micro-batch-tokens or --max-length or input")]
    [InlineData("bench", "give a smaller --shapes or input")]
    [InlineData("fuse", "give a smaller input")]
    [InlineData(null, "give a smaller input")]
    public void OutOfMemory_NamesOptionsThatTheCommandHas(string? command, string remedy)
    {
        using StringWriter said = new();
        Session session = new(() => Stream.Null, Stream.Null, said, default)
        {
            Command = command switch
            {
                "embed" => new EmbedCommand(),
                "train" => new TrainCommand(),
                "bench" => new BenchCommand(),
                "fuse" => new FuseCommand(),
                _ => null,
            },
        };
        Assert.Equal(1, Failures.Report(new OutOfMemoryException(), session));
        Assert.Equal($"minilm: out of memory: {remedy}", said.ToString().TrimEnd());
    }

    [Fact]
    public void Run_RefusesALengthThatTheModelDoesNotTake()
    {
        CommandLine.Run("embed", "--model", BiEncoder, "--max-length", "65", "x")
            .AssertRefused(2, "--max-length: a maximum length of 65 tokens: this model takes 3 to 64");
        CommandLine.Run("embed", "--model", BiEncoder, "--prompt-name", "query", "x").AssertRefused(2, "--prompt-name query: the model has none");
    }

    [Theory]
    [InlineData("embed")]
    [InlineData("similarity")]
    [InlineData("rerank")]
    [InlineData("tokenize")]
    [InlineData("")]
    public void Help_ShowsExamplesFirst(string command)
    {
        CommandResult result = CommandLine.Run([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]).AssertDone();
        Assert.StartsWith("Example", result.Output);
        Assert.StartsWith("  minilm ", result.Output.Split('\n')[1]);
        Assert.Empty(result.Error);
    }

    [Fact]
    public void Version_NamesTheTier() => Assert.Matches(@"^minilm \d+\.\d+\.\d+\S* \(", CommandLine.Run("--version").AssertDone().Output);

    [Fact]
    public void Run_TakesATextThatStartsLikeAnOption() => CommandLine.Run("embed", "--model", BiEncoder, "--", "--one").AssertDone();

    [Fact]
    public void MoreThreadsThanProcessors_AreCutToThem_InOneLine()
    {
        using JsonDocument devices = JsonDocument.Parse(CommandLine.Run("devices", "--json").AssertDone().Output);
        int processors = devices.RootElement.GetProperty("devices")[0].GetProperty("processors").GetInt32();
        CommandResult many = CommandLine.Run("embed", "--model", BiEncoder, "--threads", "1024", "one two").AssertDone();
        Assert.Equal($"minilm: --threads 1024: this process may use {processors}, so {processors} compute\n{AssumesMean}", many.Error);
        CommandResult other = CommandLine.Run("embed", "--model", BiEncoder, "--threads", "2", "--device", "reference", "one two").AssertDone();
        Assert.Equal($"minilm: --threads 2: without effect on --device reference\n{AssumesMean}", other.Error);
        CommandResult all = CommandLine.Run("embed", "--model", BiEncoder, "--threads", $"{processors}", "one two").AssertDone();
        Assert.Equal(AssumesMean, all.Error);
        Assert.Equal(all.Output, many.Output);
    }
}
