using System.Globalization;
using System.Text.Json;

namespace MiniLM.Cli.Tests;

public sealed class ScoreCommandTests : CommandTests
{
    private const string Pairs = "{\"a\":\"one two\",\"b\":\"three\"}\n{\"a\":\"\",\"b\":\"\"}\n{\"a\":\"of the\",\"b\":\"a\"}\n";

    [Fact]
    public void Similarity_WritesTheCosineOfEveryPair()
    {
        string input = Write("pairs.tsv", "a\tb\none two\tthree\n\t\n");
        CommandLine.Run("similarity", "--model", BiEncoder, "--input", input, "--columns", "a,b", "--output", At("scores.jsonl")).AssertDone();
        string[] lines = File.ReadAllLines(At("scores.jsonl"));
        Assert.Equal("{\"index\":1,\"score\":1}", lines[1]);
        Assert.StartsWith("{\"index\":0,\"score\":0.", lines[0]);
        string numbered = Write("pairs.csv", "x,three,one two\n");
        Assert.Equal(lines[0] + "\n",
            CommandLine.Run("similarity", "--model", BiEncoder, "--input", numbered, "--no-header", "--columns", "2,1").AssertDone().Output);
    }

    [Fact]
    public void Rerank_ScoresPairsWithTheirLogits()
    {
        string input = Write("pairs.jsonl", Pairs);
        CommandLine.Run("rerank", "--model", CrossEncoder, "--pairs", input, "--columns", "a,b", "--output", At("scores.jsonl")).AssertDone();
        string[] lines = File.ReadAllLines(At("scores.jsonl"));
        Assert.Equal(3, lines.Length);
        for (int i = 0; i < lines.Length; i++)
        {
            JsonElement line = JsonDocument.Parse(lines[i]).RootElement;
            Assert.Equal(i, line.GetProperty("index").GetInt32());
            float[] logits = [.. line.GetProperty("logits").EnumerateArray().Select(value => value.GetSingle())];
            Assert.Equal(2, logits.Length);
            // Two labels and no stored activation: raw.
            Assert.Equal(logits[1] - logits[0], line.GetProperty("score").GetSingle());
        }
        string[] sigmoid = CommandLine.Run("rerank", "--model", CrossEncoder, "--pairs", input, "--columns", "a,b", "--score", "sigmoid").AssertDone().Lines;
        Assert.All(sigmoid, line => Assert.InRange(JsonDocument.Parse(line).RootElement.GetProperty("score").GetSingle(), 0, 1));
        Assert.Equal(lines, CommandLine.Run("rerank", "--model", CrossEncoder, "--pairs", input, "--columns", "a,b", "--score", "default").AssertDone().Lines);
    }

    [Fact]
    public void Rerank_OfABiEncoderIsTheCosine()
    {
        string input = Write("pairs.jsonl", Pairs);
        Assert.Equal(CommandLine.Run("similarity", "--model", BiEncoder, "--input", input, "--columns", "a,b").AssertDone().Output,
            CommandLine.Run("rerank", "--model", BiEncoder, "--pairs", input, "--columns", "a,b").AssertDone().Output);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Rerank_OrdersARunByScoreAndKeepsTheEarlierOfEquals(bool isCross)
    {
        string[] form = RunForm(isCross ? CrossEncoder : BiEncoder);
        CommandResult result = CommandLine.Run([.. form, "--output", At("out.run")]).AssertDone();
        // d2 and d4 have one text.
        Assert.Equal("minilm: equal scores: 4 (the earlier document first)\n" + (isCross ? "" : AssumesMean), result.Error);
        string[][] lines = [.. File.ReadAllLines(At("out.run")).Select(line => line.Split(' '))];
        Assert.Equal(8, lines.Length);
        foreach (IGrouping<string, string[]> query in lines.GroupBy(line => line[0]))
        {
            string[][] ranked = [.. query];
            Assert.Equal(["1", "2", "3", "4"], ranked.Select(line => line[3]));
            Assert.All(ranked, line => Assert.True(line is [_, "Q0", _, _, _, "minilm"]));
            float[] scores = [.. ranked.Select(line => float.Parse(line[4], CultureInfo.InvariantCulture))];
            Assert.Equal(scores.OrderDescending(), scores);
            string[] documents = [.. ranked.Select(line => line[2])];
            Assert.Equal(Array.IndexOf(documents, "d4") + 1, Array.IndexOf(documents, "d2"));
        }
        string[] top = CommandLine.Run([.. form, "--top-k", "2"]).AssertDone().Lines;
        Assert.Equal(File.ReadAllLines(At("out.run")).Where(line => line.Split(' ')[3] is "1" or "2"), top);
    }

    [Fact]
    public void Rerank_RefusesARunThatNamesWhatIsNowhere()
    {
        string[] form = RunForm(CrossEncoder);
        Write("in.run", "q1 Q0 d1 1 3 x\nq1 Q0 d9 2 2 x\n");
        CommandLine.Run([.. form, "--output", At("out.run")]).AssertRefused(1, "corpus.jsonl: has no document 'd9', which");
        Write("in.run", "q7 Q0 d1 1 3 x\n");
        CommandLine.Run([.. form, "--output", At("out.run")]).AssertRefused(1, "q.tsv: has no query 'q7', which");
        AssertOnly("corpus.jsonl", "in.run", "q.tsv");
    }

    [Fact]
    public void Rerank_GivesThreeLabelsAScoreEach()
    {
        string model = WithThreeLabels(""), pairs = Write("pairs.jsonl", Pairs);
        float[][] raw = Scores("raw"), sigmoid = Scores("sigmoid"), byDefault = Scores("default");
        Assert.Equal(raw, byDefault); // several labels have no activation unless one is stored
        Assert.All(raw, scores => Assert.Equal(scores[0], scores[2])); // of the fixture's rows the third is the first
        Assert.Equal(raw.Select(scores => scores.Select(logit => 1 / (1 + MathF.Exp(-logit)))), sigmoid);
        model = WithThreeLabels("\"sbert_ce_default_activation_function\": \"torch.nn.modules.activation.Softmax\",");
        foreach ((float[] logits, float[] scores) in raw.Zip(Scores("model")))
        {
            double sum = logits.Sum(logit => Math.Exp(logit));
            for (int i = 0; i < 3; i++) { Assert.Equal(Math.Exp(logits[i]) / sum, scores[i], 1e-6); }
        }
        CommandLine.Run("rerank", "--model", model, "--pairs", pairs, "--columns", "a,b", "--score", "calibrated").AssertRefused(1, "one a label");

        float[][] Scores(string kind) => [.. CommandLine
            .Run("rerank", "--model", model, "--pairs", pairs, "--columns", "a,b", "--score", kind).AssertDone().Lines
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("scores").EnumerateArray().Select(score => score.GetSingle()).ToArray())];
    }

    [Fact]
    public void Rerank_RefusesThreeLabelsWhereOneScoreRanks()
    {
        string[] form = RunForm(WithThreeLabels(""));
        CommandLine.Run(form).AssertRefused(1, "3 labels (LABEL_0, LABEL_1, LABEL_2)");
        string lists = Write("lists.jsonl", "{\"query\":\"a\",\"pos\":[\"b\"],\"neg\":[]}\n");
        CommandLine.Run("rerank", "--model", At("three"), "--lists", lists).AssertRefused(1, "3 labels");
    }

    private string WithThreeLabels(string setting)
    {
        if (Directory.Exists(At("three"))) { Directory.Delete(At("three"), recursive: true); }
        string model = CopyModel(CrossEncoder, "three");
        string config = File.ReadAllText(Path.Combine(model, "config.json")).Replace("\"1\": \"LABEL_1\"", "\"1\": \"LABEL_1\", \"2\": \"LABEL_2\"");
        File.WriteAllText(Path.Combine(model, "config.json"), $"{{{setting}{config[1..]}");
        ThreeLabels.Write(Path.Combine(model, "model.safetensors"));
        return model;
    }

    private string[] RunForm(string model)
    {
        Write("q.tsv", "q2\tthe\nq1\tone two\nunused\tx\n");
        Write("corpus.jsonl", string.Concat(
            "{\"_id\":\"d1\",\"title\":\"one\",\"text\":\"two three\"}\n", "{\"_id\":\"d2\",\"title\":\"\",\"text\":\"of the a\"}\n",
            "{\"_id\":\"x\",\"title\":\"\",\"text\":\"\"}\n",
            "{\"_id\":\"d3\",\"title\":\"\",\"text\":\"\"}\n", "{\"_id\":\"d4\",\"title\":\"of\",\"text\":\"the a \"}\n"));
        Write("in.run", "q1 Q0 d1 1 4 x\nq1 Q0 d4 2 3 x\nq1 Q0 d2 3 2 x\nq1 Q0 d3 4 1 x\nq2 Q0 d3 1 4 x\nq2 Q0 d4 2 3 x\nq2 Q0 d2 3 2 x\nq2 Q0 d1 4 1 x\n");
        return ["rerank", "--model", model, "--queries", At("q.tsv"), "--corpus", At("corpus.jsonl"), "--run", At("in.run")];
    }
}
