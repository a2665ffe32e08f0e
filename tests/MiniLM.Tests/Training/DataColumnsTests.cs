using MiniLM.Data;
using MiniLM.Training;
using MiniLM.Training.Losses;

namespace MiniLM.Tests.Training;

public sealed class DataColumnsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("minilm-columns-").FullName;

    private TrainingRow[] Read(string name, string content, DataColumns columns)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, content);
        return [.. columns.Read(path, new RowFormat(), null, default)];
    }

    [Theory]
    [InlineData("a,b", false, "a,b", null), InlineData("a,b", true, "a", "b"), InlineData("a,b,label", false, "a,b", "label")]
    [InlineData("a,b,scores", false, "a,b", "scores"), InlineData("a,b,c", true, "a,b", "c"), InlineData("label", true, "label", null)]
    public void TheLastColumn_HoldsLabelsByItsNameOrByNeed(string columns, bool needsLabels, string texts, string? label)
    {
        DataColumns found = DataColumns.Of(columns.Split(','), needsLabels, isList: false);
        Assert.Equal((texts, label), (string.Join(',', found.Texts), found.Label));
        Assert.Equal(columns, string.Join(',', found.All));
    }

    [Fact]
    public void Labels_AreNumbersTruthsOrLists()
    {
        DataColumns columns = DataColumns.Of(["a", "label"], true, false);
        TrainingRow[] rows =
            Read("a.jsonl", "{\"a\":\"x\",\"label\":1.5}\n{\"a\":\"y\",\"label\":true}\n{\"a\":\"z\",\"label\":false}\n{\"a\":\"u\",\"label\":\"2e1\"}\n",
            columns);
        Assert.Equal([1.5, 1, 0, 20], rows.Select(row => row.Labels.Single()));
        Assert.Equal([3, 4.25], Read("b.jsonl", "{\"a\":\"x\",\"label\":[3, 4.25]}\n", columns).Single().Labels);
        Assert.Equal([3, 4], Read("c.tsv", "a\tlabel\nx\t[3, 4]\n", columns).Single().Labels);
        foreach (string wrong in new[] { "\"x\"", "\"\"", "\"NaN\"", "[1, \"x\"]" })
        {
            Assert.Contains("d.jsonl:1: 'label' is ", Assert.Throws<DataFormatException>(() =>
                Read("d.jsonl", $"{{\"a\":\"x\",\"label\":{wrong}}}\n", columns)).Message);
        }
    }

    [Fact]
    public void AText_IsNoList()
    {
        DataColumns columns = DataColumns.Of(["query", "pos", "neg"], false, false);
        const string Line = "{\"query\":\"q\",\"pos\":\"a\",\"neg\":[\"b\", \"c\"]}\n";
        Assert.EndsWith("a.jsonl:1: 'neg' is a list, not a text. Name another column, or give each of its texts a column of its own.",
            Assert.Throws<DataFormatException>(() => Read("a.jsonl", Line, columns)).Message);
        Assert.Contains("'query' is true or false, not a text. Name another column.",
            Assert.Throws<DataFormatException>(() => Read("b.jsonl", "{\"query\":true,\"pos\":\"a\",\"neg\":\"b\"}\n", columns)).Message);
        DataColumns lists = DataColumns.Of(["query", "docs", "labels"], true, isList: true);
        Assert.Contains("'query' is a list", Assert.Throws<DataFormatException>(() =>
            Read("c.jsonl", "{\"query\":[\"q\"],\"docs\":[\"a\"],\"labels\":[1]}\n", lists)).Message);
    }

    [Fact]
    public void Lists_HaveALabelForEachDocument()
    {
        DataColumns columns = DataColumns.Of(["query", "docs", "labels"], true, isList: true);
        TrainingRow row = Read("a.jsonl", "{\"query\":\"q\",\"docs\":[\"a\",\"b, c\"],\"labels\":[1,0]}\n", columns).Single();
        Assert.Equal(["q", "a", "b, c"], row.Texts);
        Assert.Equal([1, 0], row.Labels);
        foreach ((string line, string message) in new[]
        {
            ("{\"query\":\"q\",\"docs\":[\"a\"],\"labels\":[1,0]}", "b.jsonl:1: has 1 documents and 2 labels"),
            ("{\"query\":\"q\",\"docs\":[],\"labels\":[]}", "b.jsonl:1: has no documents"),
            ("{\"query\":\"q\",\"docs\":\"a\",\"labels\":[1]}", "b.jsonl:1: 'a' is no JSON list"),
        })
        {
            Assert.Contains(message, Assert.Throws<DataFormatException>(() => Read("b.jsonl", line + "\n", columns)).Message.Replace('"', '\''));
        }
        Assert.Throws<LossDataException>(() => DataColumns.Of(["query", "docs"], true, isList: true));
        Assert.Throws<LossDataException>(() => DataColumns.Of(["query", "docs", "more", "labels"], true, isList: true));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
