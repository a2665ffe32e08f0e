using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Tests.Data;

/// <summary>Every format of the shared data sets, read by the reader that a command would use.</summary>
public class SharedDataFormatsTests
{
    private static string Path(string file) => SharedFolder.Require(["data", .. file.Split('/')]);

    private static int Texts(string file)
    {
        using TextCollection collection = TextCollection.Open(Path(file));
        int count = 0;
        while (collection.Read(out _)) { count++; }
        return count;
    }

    private static int Rows(string file, RowFormat format)
    {
        using RowReader reader = RowReader.Open(Path(file), format);
        string[] row = new string[Math.Max(1, format.Columns.Length)];
        int count = 0;
        while (reader.Read(row)) { count++; }
        return count;
    }

    private static int Lists(string file)
    {
        using JsonLines lines = new(DataFile.Open(Path(file)), file);
        int count = 0;
        while (CandidateList.Read(lines) is { } list)
        {
            Assert.NotEmpty(list.Pairs);
            count++;
        }
        return count;
    }

    /// <summary>All tables that the golden list counts, with each of their columns.</summary>
    [Fact]
    public void Tables_GiveAllTheirRows()
    {
        JsonElement files = TextGolden.Json("table.json").GetProperty("data_files");
        Assert.NotEqual(0, files.GetArrayLength());
        foreach (JsonElement file in files.EnumerateArray())
        {
            bool hasHeader = file.GetProperty("header").ValueKind == JsonValueKind.Array;
            int width = file.GetProperty("columns").EnumerateArray().Min(count => count.GetInt32());
            RowFormat format = new()
            {
                Columns = hasHeader ? [.. file.GetProperty("header").EnumerateArray().Select(name => name.GetString()!)]
                    : [.. Enumerable.Range(0, width).Select(column => $"{column}")],
                HasHeader = hasHeader,
                Quotes = file.GetProperty("quotes").GetBoolean(),
                Format = file.GetProperty("delimiter").GetString() == "\t" ? "tsv" : "csv", // STS benchmark's .csv files have tabs
            };
            string name = file.GetProperty("file").GetString()!;
            Assert.True(file.GetProperty("rows").GetInt32() == Rows(name, format), name);
        }
    }

    [Theory]
    [InlineData("trec-dl19/passages.tsv")]
    [InlineData("trec-dl19/topics.dl19-passage.txt")]
    [InlineData("msmarco-samples/full_collection_raw.tsv")]
    [InlineData("msmarco-samples/dev_queries_raw.tsv")]
    public void Collections_GiveAllTheirTexts(string name)
    {
        JsonElement file = TextGolden.Json("table.json").GetProperty("data_files").EnumerateArray().First(file => file.GetProperty("file").GetString() == name);
        Assert.Equal(file.GetProperty("rows").GetInt32(), Texts(name));
    }

    [Theory]
    [InlineData("msmarco-samples/flagembedding_msmarco.jsonl")]
    [InlineData("chinese/lists_1pos_10neg.jsonl")]
    public void Lists_GiveALineEach(string file) => Assert.Equal(File.ReadLines(Path(file)).Count(), Lists(file));

    [Theory]
    [InlineData("csfcube/papers.jsonl", "id,title,abstract")]
    [InlineData("checkthat/train_triples_100.jsonl", "query,positive,negative")]
    [InlineData("checkthat/docs_recovered.jsonl", "doc_id,text")]
    [InlineData("quora/splits.tsv", "id,split")]
    public void Rows_GiveALineEach(string file, string columns)
    {
        int header = file.EndsWith(".tsv", StringComparison.Ordinal) ? 1 : 0;
        Assert.Equal(File.ReadLines(Path(file)).Count() - header, Rows(file, new RowFormat { Columns = columns.Split(',') }));
    }

    [Fact]
    public void Judgements_AreThoseOfTheFile()
    {
        string trec = "trec-dl19/qrels.dl19-passage.txt", json = "msmarco-samples/qrel_qrel.json";
        Assert.Equal(File.ReadLines(Path(trec)).Count(), Qrels.Read(Path(trec)).Queries.Values.Sum(judged => judged.Count));
        JsonElement expected = JsonDocument.Parse(File.ReadAllBytes(Path(json))).RootElement;
        Assert.Equal(expected.EnumerateObject()
            .SelectMany(query => query.Value.EnumerateObject().Select(document => (query.Name, document.Name, document.Value.GetInt32()))),
            Qrels.Read(Path(json)).Queries.SelectMany(query => query.Value.Select(document => (query.Key, document.Key, document.Value))));
    }
}
