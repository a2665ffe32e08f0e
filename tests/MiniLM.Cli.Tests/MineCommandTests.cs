using System.Text.Json;

namespace MiniLM.Cli.Tests;

public sealed class MineCommandTests : CommandTests
{
    private static readonly string[] Triplet = ["query", "positive", "negative", "score"];

    [Fact]
    public void Triplets_AreTheNearestTextsThatAreNoPositives()
    {
        CommandResult result = CommandLine.Run([.. Form(), "--num-negatives", "5", "--range-max", "20", "--output", At("triplets.jsonl")]).AssertDone();
        Assert.Empty(result.Output);
        Assert.Contains("positive", result.Error.Split('\n')[0], StringComparison.Ordinal);
        JsonElement[] rows = Rows(File.ReadAllText(At("triplets.jsonl")));
        Assert.All(rows, row => Assert.Equal(Triplet, row.EnumerateObject().Select(member => member.Name)));
        // q2 comes first in the judgements and has two positives; four texts are left for it, five for q1. Of two equal texts there is one.
        Assert.Equal([("the", "of the a", 4), ("the", "a", 4), ("one two", "one two three", 5)],
            rows.GroupBy(row => (Text(row, "query"), Text(row, "positive"))).Select(pair => (pair.Key.Item1, pair.Key.Item2, pair.Count())));
        foreach (IGrouping<string, JsonElement> pair in rows.GroupBy(row => Text(row, "query") + "|" + Text(row, "positive")))
        {
            float[] scores = [.. pair.Select(row => row.GetProperty("score").GetSingle())];
            Assert.Equal(scores.OrderDescending(), scores);
            string[] positives = [.. rows.Where(row => Text(row, "query") == Text(pair.First(), "query")).Select(row => Text(row, "positive"))];
            Assert.Empty(pair.Select(row => Text(row, "negative")).Intersect(positives));
        }
        float[] cosines = Cosines("similarity", BiEncoder, rows, "negative");
        for (int i = 0; i < rows.Length; i++) { Assert.Equal(cosines[i], rows[i].GetProperty("score").GetSingle(), 2e-6f); }
    }

    [Fact]
    public void OutputFormats_HoldTheSameNegatives()
    {
        JsonElement[] triplets = Rows(CommandLine.Run([.. Form(), "--num-negatives", "2"]).AssertDone().Output);
        JsonElement[] tuples = Rows(Output("n-tuple")), pairs = Rows(Output("labeled-pair")), lists = Rows(Output("labeled-list"));
        Assert.Equal((6, 3, 3 + 4, 3), (triplets.Length, tuples.Length, pairs.Length, lists.Length));
        Assert.Equal(["query", "positive", "negative_1", "negative_2", "scores"], tuples[0].EnumerateObject().Select(member => member.Name));
        Assert.Equal(["query", "text", "label", "score"], pairs[0].EnumerateObject().Select(member => member.Name));
        Assert.Equal(["query", "texts", "labels", "scores"], lists[0].EnumerateObject().Select(member => member.Name));
        for (int i = 0; i < 3; i++)
        {
            string[] texts = [Text(triplets[2 * i], "positive"), Text(triplets[2 * i], "negative"), Text(triplets[2 * i + 1], "negative")];
            Assert.Equal(texts, new[] { "positive", "negative_1", "negative_2" }.Select(name => Text(tuples[i], name)));
            Assert.Equal(texts, lists[i].GetProperty("texts").EnumerateArray().Select(text => text.GetString()));
            Assert.Equal([1, 0, 0], lists[i].GetProperty("labels").EnumerateArray().Select(label => label.GetInt32()));
            Assert.Equal(lists[i].GetProperty("scores").GetRawText(), tuples[i].GetProperty("scores").GetRawText());
            Assert.Equal(triplets[2 * i + 1].GetProperty("score").GetSingle(), tuples[i].GetProperty("scores")[2].GetSingle());
        }
        Assert.Equal([1, 1, 0, 0, 1, 0, 0], pairs.Select(pair => pair.GetProperty("label").GetInt32()));
        Assert.Equal(tuples[0].GetProperty("scores")[0].GetSingle(), pairs[0].GetProperty("score").GetSingle());
        Assert.Equal(Text(tuples[0], "negative_1"), Text(pairs[2], "text"));

        string Output(string format) => CommandLine.Run([.. Form(), "--num-negatives", "2", "--output-format", format]).AssertDone().Output;
    }

    [Fact]
    public void Pairs_AreMinedAmongTheirPositives_QuotedAsJson()
    {
        string input = Write("pairs.jsonl", "{\"a\":\"one\",\"b\":\"a \\\"two\\\"\"}\n{\"a\":\"two\",\"b\":\"three\\n\"}\n{\"a\":\"the\",\"b\":\"of\"}\n");
        string[] form = ["mine", "--model", BiEncoder, "--input", input, "--columns", "a,b", "--num-negatives"];
        JsonElement[] rows = Rows(CommandLine.Run([.. form, "2"]).AssertDone().Output);
        Assert.Equal(["one", "one", "two", "two", "the", "the"], rows.Select(row => Text(row, "query")));
        Assert.Equal(["of", "three\n"], rows.Take(2).Select(row => Text(row, "negative")).Order(StringComparer.Ordinal));
        Assert.Equal(["a \"two\"", "of"], rows.Skip(2).Take(2).Select(row => Text(row, "negative")).Order(StringComparer.Ordinal));
        string corpus = Write("corpus.tsv", "1\tone\n2\tof\n");
        rows = Rows(CommandLine.Run([.. form, "1", "--corpus", corpus]).AssertDone().Output);
        Assert.Equal("one", Text(rows[0], "negative"));
        Assert.Equal(1, rows[0].GetProperty("score").GetSingle(), 1e-6f);
    }

    [Fact]
    public void Judge_ScoresWhereThereIsALimit()
    {
        string[] form = [.. Form(), "--num-negatives", "3", "--judge", CrossEncoder];
        CommandResult unasked = CommandLine.Run(form).AssertDone();
        Assert.StartsWith("minilm: --judge: not asked", unasked.Error);
        Assert.Equal(CommandLine.Run(form[..^2]).AssertDone().Output, unasked.Output);
        JsonElement[] rows = Rows(CommandLine.Run([.. form, "--max-score", "1000"]).AssertDone().Output);
        Assert.Equal(9, rows.Length);
        float[] judged = Cosines("rerank", CrossEncoder, rows, "negative");
        for (int i = 0; i < rows.Length; i++) { Assert.Equal(judged[i], rows[i].GetProperty("score").GetSingle()); }
        Assert.Empty(CommandLine.Run([.. form, "--max-score", "-1000"]).AssertDone().Output);
    }

    [Fact]
    public void Statistics_AreATableOrJson()
    {
        string[] form = [.. Form(), "--num-negatives", "6", "--max-score", "0.9999", "--min-score", "-2", "--output", At("rows.jsonl")];
        JsonElement json = JsonDocument.Parse(CommandLine.Run([.. form, "--json"]).AssertDone().Output).RootElement;
        Assert.Equal((2, 6, 62), (json.GetProperty("queries").GetInt32(), json.GetProperty("documents").GetInt32(), json.GetProperty("range_max").GetInt32()));
        Assert.Equal((13, 5), (json.GetProperty("rows").GetInt32(), json.GetProperty("missing_rows").GetInt32()));
        Assert.Equal((9, "{\"max_score\":0,\"min_score\":0}"), (json.GetProperty("candidates").GetInt32(), json.GetProperty("skipped").GetRawText()));
        Assert.Equal((3, 13), (json.GetProperty("positive").GetProperty("count").GetInt32(), json.GetProperty("difference").GetProperty("count").GetInt32()));
        Assert.Equal(["count", "mean", "median", "std", "min", "25%", "50%", "75%", "max"],
            json.GetProperty("negative").EnumerateObject().Select(member => member.Name));
        string[] lines = CommandLine.Run([.. form, "--overwrite"]).AssertDone().Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["positive", "negative", "difference"], lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("queries 2, documents 6, ranks 62, rows 13", lines[10]);
        Assert.Equal("skipped by max_score 0.9999: 0 of 9 candidates (0.00 %)", lines[11]);
        Assert.Equal("negatives are missing for 5 of 18 rows (27.78 %): change range_max or max_score or min_score to find more", lines[13]);
        Assert.Empty(CommandLine.Run([.. form, "--overwrite", "--quiet"]).AssertDone().Error);
        JsonElement none = JsonDocument.Parse(CommandLine.Run(
            [.. Form(), "--max-score", "-3", "--range-min", "1", "--output", At("rows.jsonl"), "--overwrite", "--json"]).AssertDone().Output).RootElement;
        Assert.Equal(JsonValueKind.Null, none.GetProperty("negative").GetProperty("mean").ValueKind);
        Assert.Empty(File.ReadAllText(At("rows.jsonl")));
    }

    [Fact]
    public void IncludePositives_GivesRankings()
    {
        JsonElement[] rows = Rows(CommandLine.Run([.. Form(), "--include-positives", "--num-negatives", "6"]).AssertDone().Output);
        Assert.Equal(3, rows.Length);
        Assert.All(rows, row => Assert.Contains(Text(row, "positive"), Enumerable.Range(1, 6).Select(i => Text(row, $"negative_{i}"))));
        CommandLine.Run([.. Form(), "--include-positives", "--output-format", "triplet"]).AssertRefused(2, "--output-format n-tuple, not triplet");
    }

    [Fact]
    public void Random_IsASeedsOwn()
    {
        string[] form = [.. Form(), "--num-negatives", "2", "--range-max", "5", "--sampling-strategy", "random", "--seed"];
        string[] outputs = [.. Enumerable.Range(0, 8).Select(seed => CommandLine.Run([.. form, $"{seed}"]).AssertDone().Output)];
        Assert.Equal(outputs[3], CommandLine.Run([.. form, "3"]).AssertDone().Output);
        Assert.Equal(outputs[0], CommandLine.Run(form[..^1]).AssertDone().Output);
        Assert.True(outputs.Distinct().Count() > 1);
    }

    [Fact]
    public void Prompts_AreThoseOfQueriesAndOfDocuments()
    {
        string model = CopyModel(BiEncoder, "prompts");
        File.WriteAllText(Path.Combine(model, "config_sentence_transformers.json"),
            "{\"prompts\":{\"query\":\"one \",\"passage\":\"the \",\"other\":\"two two \"}}");
        string[] form = Form();
        form[2] = model;
        string usual = CommandLine.Run(form).AssertDone().Output;
        Assert.Equal(usual, CommandLine.Run([.. form, "--query-prompt-name", "query", "--corpus-prompt-name", "passage"]).AssertDone().Output);
        string query = CommandLine.Run([.. form, "--query-prompt-name", "other"]).AssertDone().Output;
        string corpus = CommandLine.Run([.. form, "--corpus-prompt-name", "other"]).AssertDone().Output;
        Assert.Equal(4, new[] { usual, query, corpus, CommandLine.Run(Form()).AssertDone().Output }.Distinct().Count());
        CommandLine.Run([.. form, "--corpus-prompt-name", "none"]).AssertRefused(2, "--corpus-prompt-name none: the model has");
    }

    [Fact]
    public void WrongUsage_IsRefusedBeforeAnythingIsRead()
    {
        string[] form = Form();
        CommandLine.Run([.. form, "--range-min", "5", "--range-max", "5"]).AssertRefused(2, "--range-min 5 leaves nothing of --range-max 5");
        CommandLine.Run([.. form, "--num-negatives", "3", "--range-min", "1", "--range-max", "3"]).AssertRefused(2, "leave 2 candidates");
        CommandLine.Run([.. form, "--num-negatives", "0"]).AssertRefused(2, "--num-negatives 0");
        CommandLine.Run([.. form, "--range-min", "-1"]).AssertRefused(2, "--range-min -1");
        CommandLine.Run([.. form, "--max-score", "nan"]).AssertRefused(2, "--max-score nan: give a number");
        CommandLine.Run([.. form, "--absolute-margin", "much"]).AssertRefused(2, "--absolute-margin much: give a number");
        CommandLine.Run([.. form, "--json"]).AssertRefused(2, "give --output FILE");
        CommandLine.Run([.. form, "--input", "x.tsv"]).AssertRefused(2, "--queries and --qrels go without --input");
        CommandLine.Run("mine", "--queries", "-", "--corpus", "-", "--qrels", "x").AssertRefused(2, "standard input (-) can be one of the files only");
        CommandLine.Run([.. form, "--columns", "a,b"]).AssertRefused(2, "--columns goes with --input");
        CommandLine.Run([.. form, "--no-header"]).AssertRefused(2, "--no-header goes with --input");
        CommandLine.Run([.. form, "--format", "tsv"]).AssertRefused(2, "--format goes with --input");
        CommandLine.Run([.. form, "--seed", "1"]).AssertRefused(2, "--seed goes with --sampling-strategy random");
        CommandLine.Run([.. form, "--overwrite"]).AssertRefused(2, "--overwrite goes with --output");
        CommandLine.Run("mine", "--queries", "q.tsv", "--corpus", "c.tsv").AssertRefused(2, "give --queries, --corpus and --qrels, or --input");
        CommandLine.Run("mine", "--input", "x.tsv").AssertRefused(2, "--columns is missing");
        Write("there.jsonl", "kept");
        CommandLine.Run([.. form, "--output", At("there.jsonl")]).AssertRefused(1, "exists. Use --overwrite");
        CommandLine.Run([.. form, "--output", At("q.tsv"), "--overwrite"]).AssertRefused(2, "q.tsv: is the input and the output");
        File.WriteAllText(At("qrels"), "q1 0 nowhere 1\n");
        CommandLine.Run([.. form, "--output", At("new.jsonl")]).AssertRefused(1, "has no document 'nowhere'");
        AssertOnly("corpus.jsonl", "q.tsv", "qrels", "there.jsonl");
    }

    private string[] Form()
    {
        Write("q.tsv", "q1\tone two\nunused\tx\nq2\tthe\n");
        Write("corpus.jsonl", string.Concat(
            "{\"_id\":\"d1\",\"title\":\"one\",\"text\":\"two three\"}\n", "{\"_id\":\"d2\",\"title\":\"\",\"text\":\"of the a\"}\n",
            "{\"_id\":\"d3\",\"text\":\"three of\"}\n", "{\"_id\":\"d4\",\"title\":\"of\",\"text\":\"the a \"}\n",
            "{\"_id\":\"d5\",\"text\":\"two two\"}\n", "{\"_id\":\"d6\",\"text\":\"a\"}\n", "{\"_id\":\"d7\",\"text\":\"one of the three\"}\n"));
        Write("qrels", "q2 0 d4 1\nq2 0 d6 2\nq1 0 d1 1\nq1 0 d2 0\n");
        return ["mine", "--model", BiEncoder, "--queries", At("q.tsv"), "--corpus", At("corpus.jsonl"), "--qrels", At("qrels")];
    }

    /// <summary>Scores of each row's query and another of its texts, by another command.</summary>
    private float[] Cosines(string command, string model, JsonElement[] rows, string column)
    {
        string lines = string.Concat(rows.Select(row => $"{{\"a\":{row.GetProperty("query").GetRawText()},\"b\":{row.GetProperty(column).GetRawText()}}}\n"));
        string input = Write("scored.jsonl", lines);
        CommandResult result = CommandLine.Run(command, "--model", model, command == "rerank" ? "--pairs" : "--input", input, "--columns", "a,b").AssertDone();
        return [.. result.Lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("score").GetSingle())];
    }

    private static JsonElement[] Rows(string output) =>
        [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    private static string Text(JsonElement row, string name) => row.GetProperty(name).GetString()!;
}
