using System.Globalization;
using System.IO.Compression;
using System.Text.Json;

namespace MiniLM.Cli.Tests;

public sealed class RerankCommandTests : CommandTests
{
    private string[] Sanity(params string[] options) =>
        ["rerank", "--run", Write("in.run", "q1 Q0 b 1 1 x\nq1 Q0 a 1 3 x\nq1 Q0 c 1 2 x\nq2 Q0 a 1 5 x\nq1 Q0 d 1 1 x\n"), .. options];

    private string[] Model(params string[] options)
    {
        Write("q.tsv", "q1\tone two\nq2\tthe\n");
        Write("corpus.jsonl", string.Concat("abcd".Select(id => $"{{\"_id\":\"{id}\",\"title\":\"\",\"text\":\"two {id} the three\"}}\n")));
        return [.. Sanity(options), "--queries", At("q.tsv"), "--corpus", At("corpus.jsonl"), "--model", CrossEncoder];
    }

    private static string[] Documents(CommandResult result, string query) =>
        [.. result.AssertDone().Lines.Select(line => line.Split(' ')).Where(line => line[0] == query).Select(line => line[2])];

    [Fact]
    public void Constant_NeedsNoModel_AndKeepsTheOrderOfTheScores()
    {
        CommandResult result = CommandLine.Run(Sanity("--scorer", "constant", "--tag", "flat")).AssertDone();
        Assert.Equal(["q1 Q0 a 1 0 flat", "q1 Q0 c 2 0 flat", "q1 Q0 b 3 0 flat", "q1 Q0 d 4 0 flat", "q2 Q0 a 1 0 flat"], result.Lines);
        Assert.Equal("minilm: equal scores: 4 (the earlier document first)\n", result.Error);
    }

    [Fact]
    public void ASanityScorer_SaysWhichOptionsHaveNoEffect()
    {
        string[] form = Sanity("--scorer", "constant");
        CommandResult result = CommandLine.Run([.. form, "--batch-tokens", "9", "--device", "cpu", "--fix-text", "full", "--model", "m", "--corpus", "c"]);
        Assert.Equal(CommandLine.Run(form).AssertDone().Output, result.AssertDone().Output);
        Assert.StartsWith("minilm: --device, --batch-tokens, --fix-text: without effect: --scorer constant reads no texts\n", result.Error);
    }

    [Fact]
    public void ARunOfMsMarco_IsTakenByItsRanks()
    {
        Assert.Equal(["a", "b"], Documents(CommandLine.Run("rerank", "--run", Write("ms.run", "q1\tb\t2\nq1\ta\t1\n"), "--scorer", "constant"), "q1"));
        string[] form = Model();
        Write("in.run", "q1 d 4\nq1 b 1\nq1 a 2\nq1 c 3\nq2 a 1\n"); // the form's run without tags and scores
        string[] ranked = Documents(CommandLine.Run(form), "q1");
        Assert.Equal(["a", "b", "c", "d"], ranked.Order());
    }

    [Fact]
    public void Shuffle_AndRandom_AreOfTheirSeeds()
    {
        CommandResult shuffled = CommandLine.Run(Sanity("--scorer", "shuffle")).AssertDone();
        Assert.Equal(["3", "2", "1", "1", "5"], shuffled.Lines.Select(line => line.Split(' ')[4]));
        Assert.Equal(shuffled.Output, CommandLine.Run(Sanity("--scorer", "shuffle", "--seed", "1")).AssertDone().Output);
        Assert.Contains(Enumerable.Range(2, 9), seed => CommandLine.Run(Sanity("--scorer", "shuffle", "--seed", $"{seed}")).Output != shuffled.Output);
        CommandResult random = CommandLine.Run(Sanity("--scorer", "random", "--seed", "0")).AssertDone();
        Assert.All(random.Lines, line => Assert.InRange(float.Parse(line.Split(' ')[4], CultureInfo.InvariantCulture), 0, 1));
        Assert.NotEqual(random.Output, CommandLine.Run(Sanity("--scorer", "random")).AssertDone().Output);
    }

    [Fact]
    public void Depth_LeavesOutWhatTheRunHasBelow()
    {
        Assert.Equal(["a", "c"], Documents(CommandLine.Run(Sanity("--scorer", "constant", "--depth", "2")), "q1"));
        string[] three = Documents(CommandLine.Run(Model("--depth", "3")), "q1");
        Assert.Equal(["a", "b", "c"], three.Order());
        Assert.Equal(three, Documents(CommandLine.Run(Model()), "q1").Except(["d"]));
        Assert.Equal(three[..1], Documents(CommandLine.Run(Model("--depth", "3", "--top-k", "1")), "q1"));
        string[] form = Model("--depth", "1");
        Write("corpus.jsonl", "{\"_id\":\"a\",\"text\":\"two\"}\n"); // the others are not looked for
        CommandLine.Run(form).AssertDone();
    }

    [Fact]
    public void ACompressedCorpus_GivesTheSameRun()
    {
        string[] form = Model();
        string plain = CommandLine.Run(form).AssertDone().Output;
        using (GZipStream file = new(File.Create(At("corpus.jsonl.gz")), CompressionLevel.Fastest)) { file.Write(File.ReadAllBytes(At("corpus.jsonl"))); }
        Assert.Equal(plain, CommandLine.Run([.. form.Select(part => part.Replace("corpus.jsonl", "corpus.jsonl.gz"))]).AssertDone().Output);
        Assert.Equal(plain, CommandLine.RunWith(CancellationToken.None, File.ReadAllText(At("corpus.jsonl")),
            [.. form.Select(part => part.EndsWith("corpus.jsonl") ? "-" : part)]).AssertDone().Output);
        Assert.Equal(plain, CommandLine.Run([.. form, "--batch-tokens", "1"]).AssertDone().Output); // whatever the batches
    }

    [Fact]
    public void Lists_AreScoredListByList_PositivesFirst()
    {
        Write("lists.jsonl", """
            {"query":"one","pos":["two"],"neg":["three","a"]}
            {"query":"dropped","pos":[],"neg":["the"]}
            {"query":["of","the"],"neg":["b"],"pos":["a"]}
            """);
        Write("pairs.tsv", "a\tb\none\ttwo\none\tthree\none\ta\ndropped\tthe\nof\ta\nof\tb\nthe\ta\nthe\tb\n");
        foreach (string model in new[] { CrossEncoder, BiEncoder })
        {
            CommandLine.Run("rerank", "--model", model, "--lists", At("lists.jsonl"), "--output", At("scores.jsonl"), "--overwrite").AssertDone();
            Assert.Equal(CommandLine.Run("rerank", "--model", model, "--pairs", At("pairs.tsv"), "--columns", "a,b").AssertDone().Output,
                File.ReadAllText(At("scores.jsonl")));
        }
        CommandResult measured = CommandLine.Run("evaluate", "reranking", "--scores", At("scores.jsonl"), "--lists", At("lists.jsonl"), "--json").AssertDone();
        Assert.InRange(JsonDocument.Parse(measured.Output).RootElement.GetProperty("map").GetDouble(), 0.3, 1);
        CommandLine.Run("rerank", "--model", CrossEncoder, "--lists", Write("bad.jsonl", "{\"query\":\"q\"}\n")).AssertRefused(1, "bad.jsonl:1: has no 'pos'");
    }

    [Theory]
    [InlineData("give --run (with --queries and --corpus), --pairs (with --columns) or --lists", "--lists", "x", "--run", "y")]
    [InlineData("--depth goes with --run, not with --lists", "--lists", "x", "--depth", "3")]
    [InlineData("--tag goes with --run, not with --pairs", "--pairs", "x", "--columns", "a,b", "--tag", "t")]
    [InlineData("--scorer goes with --run, not with --pairs", "--pairs", "x", "--columns", "a,b", "--scorer", "random")]
    [InlineData("--queries and --corpus go with --run, not with --lists", "--lists", "x", "--corpus", "y")]
    [InlineData("--columns goes with --pairs, not with --lists", "--lists", "x", "--columns", "a,b")]
    [InlineData("--delimiter goes with --pairs, not with --lists", "--lists", "x", "--delimiter", ";")]
    [InlineData("--delimiter goes with --pairs, not with --run", "--run", "x", "--queries", "q", "--corpus", "c", "--delimiter", ";")]
    [InlineData("--no-header goes with --pairs, not with --run", "--run", "x", "--queries", "q", "--corpus", "c", "--no-header")]
    [InlineData("--score is of a model: --scorer shuffle has none", "--run", "x", "--scorer", "shuffle", "--score", "raw")]
    [InlineData("--seed goes with --scorer random or shuffle", "--run", "x", "--scorer", "constant", "--seed", "3")]
    [InlineData("--run needs --queries and --corpus", "--run", "x", "--scorer", "model")]
    [InlineData("standard input (-) can be one of the files only", "--run", "-", "--queries", "-", "--corpus", "c")]
    [InlineData("--overwrite goes with --output", "--run", "x", "--queries", "q", "--corpus", "c", "--overwrite")]
    [InlineData("--scorer randm: it is one of model, random, constant, shuffle. Did you mean random?", "--run", "x", "--scorer", "randm")]
    public void WrongUsage_IsRefused(string message, params string[] arguments) => CommandLine.Run(["rerank", .. arguments]).AssertRefused(2, message);

    [Fact]
    public void Resume_OfASanityScorer_NamesWhatDiffers()
    {
        Write("out.run.partial", "");
        Write("out.run.partial.json", "{\"command\":\"rerank\"}");
        CommandLine.Run(Sanity("--scorer", "random", "--output", At("out.run"), "--resume")).AssertRefused(1, "run_length is unset there");
    }
}
