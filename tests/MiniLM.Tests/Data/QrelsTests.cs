using System.IO.Compression;
using System.Text;
using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Tests.Data;

public sealed class QrelsTests
{
    private static Qrels Read(string text) => Qrels.Read("-", () => new MemoryStream(Encoding.UTF8.GetBytes(text)));

    private static IEnumerable<(string, string, int)> Lines(Qrels qrels) =>
        qrels.Queries.SelectMany(query => query.Value.Select(document => (query.Key, document.Key, document.Value))).Order();

    [Fact]
    public void Read_TakesAndRefusesEveryGoldenFile()
    {
        int accepted = 0, refused = 0;
        foreach (JsonProperty golden in TextGolden.Json("trec", "trec.json").GetProperty("qrels").EnumerateObject())
        {
            string path = TextGolden.Path("trec", "qrels", golden.Name), verdict = golden.Value.GetProperty("verdict").GetString()!;
            // Refused there as being BEIR's, which is read here too.
            bool isBeir = File.ReadAllText(path).StartsWith("query-id\tcorpus-id\tscore", StringComparison.Ordinal);
            Qrels? qrels = null;
            try { qrels = Qrels.Read(path); }
            catch (DataFormatException error)
            {
                Assert.StartsWith(path, error.Message);
                Assert.True(verdict != "accept", $"{golden.Name}: {error.Message}");
                refused++;
            }
            Assert.True(verdict != "refuse" || isBeir || qrels is null, $"{golden.Name}: not refused");
            if (qrels is null || !golden.Value.TryGetProperty("lines", out JsonElement lines)) { continue; }
            accepted++;
            IEnumerable<(string, string, int)> expected = lines.EnumerateArray()
                .Select(line => (line.GetProperty("qid").GetString()!, line.GetProperty("docno").GetString()!, line.GetProperty("relevance").GetInt32()));
            Assert.Equal(expected.Order(), Lines(qrels));
        }
        Assert.True(accepted > 0 && refused > 0, $"only {accepted} and {refused}");
    }

    [Fact]
    public void Read_TakesBeirsTablesByTheirHeader()
    {
        int accepted = 0;
        foreach (JsonProperty golden in TextGolden.Json("beir", "expected.json").EnumerateObject())
        {
            if (!golden.Name.StartsWith("qrels/", StringComparison.Ordinal) || golden.Value.GetProperty("verdict").GetString() != "accept") { continue; }
            accepted++;
            IEnumerable<(string, string, int)> expected = golden.Value.GetProperty("judgements").EnumerateArray()
                .Select(line => (line[0].GetString()!, line[1].GetString()!, line[2].GetInt32()));
            Assert.Equal(expected.Order(), Lines(Qrels.Read(TextGolden.Path(["beir", .. golden.Name.Split('/')]))));
        }
        Assert.NotEqual(0, accepted);
    }

    [Fact]
    public void Read_TakesTrecsLines()
    {
        Qrels qrels = Read("q1 0 d1 +2 more\n\n\tq1\t0\td2\t-1\r\n  q2 0 d1 0");
        Assert.Equal([("q1", "d1", 2), ("q1", "d2", -1), ("q2", "d1", 0)], Lines(qrels));
        Assert.Equal(2, qrels.MaxGrade);
        Assert.Equal(0, Read("q 0 d -3\n").MaxGrade);
    }

    [Fact]
    public void Read_TakesBlanksInBeirsIds() =>
        Assert.Equal([("a query", "a document", 3)], Lines(Read("query-id\tcorpus-id\tscore\r\na query\ta document\t3\r\n")));

    [Theory]
    [InlineData("q 0 d 1\nq 0 d\n", "standard input:2: has 3 field(s). A line has four: query 0 document grade; a BEIR file begins with")]
    [InlineData("q\td\t1\n", "standard input:1: has 3 field(s).")]
    [InlineData("q 0 d yes\n", "standard input:1: the grade 'yes' is not a whole number")]
    [InlineData("q 0 d 1.0\n", "standard input:1: the grade '1.0' is not a whole number")]
    [InlineData("q 0 d 2147483648\n", "standard input:1: the grade '2147483648' is not a whole number of 32 bits")]
    [InlineData("q 0 d 1\nq 0 e 1\nq 0 d 1\n", "standard input:3: document 'd' is judged twice in query 'q'")]
    [InlineData("query-id\tcorpus-id\tscore\nq\td\n", "standard input:2: has 2 field(s). A line of a BEIR file has three")]
    [InlineData("query-id\tcorpus-id\tscore\nq\t0\td\t1\n", "standard input:2: has 4 field(s). A line of a BEIR file has three")]
    [InlineData("query-id\tcorpus-id\tscore\n", "standard input: has no judgements")]
    [InlineData("", "standard input: has no judgements")]
    public void Read_SaysWhatIsWrong(string text, string message) =>
        Assert.StartsWith(message, Assert.Throws<DataFormatException>(() => Read(text)).Message);

    [Fact]
    public void Read_LooksAtTheCancellation() => Assert.Throws<OperationCanceledException>(() =>
        Qrels.Read("-", () => new MemoryStream("q 0 d 1\n"u8.ToArray()), new CancellationToken(canceled: true)));

    [Fact]
    public void Read_TakesGzip()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".gz");
        try
        {
            using (GZipStream file = new(File.Create(path), CompressionLevel.Fastest)) { file.Write("q 0 d 1\n"u8); }
            Assert.Equal([("q", "d", 1)], Lines(Qrels.Read(path)));
        }
        finally { File.Delete(path); }
    }

    [Theory]
    [InlineData("""{"q1": {"a b": 2, "c": -1}, "q2": {"a": 0}}""", "q1 a b 2, q1 c -1, q2 a 0")]
    [InlineData("""{"q1": {}, "q2": {"a": 1}}""", "q2 a 1")]
    [InlineData("""{"q1": {"a": 1, "a": 2}}""", null, "document 'a' is judged twice in query 'q1'")]
    [InlineData("""{"q1": {"a": 1.5}}""", null, "the grade '1.5' of 'a' in 'q1' is not a whole number")]
    [InlineData("""{"q1": {"a": "1"}}""", null, "the grade '1' of 'a' in 'q1' is not a whole number")]
    [InlineData("""{"q1": ["a"]}""", null, "'q1' is no object. A file of judgements is")]
    [InlineData("[]", null, "the file is no object")]
    [InlineData("{", null, "not JSON (")]
    [InlineData("{}", null, "has no judgements")]
    public void Read_TakesJson(string text, string? judgements, string message = "")
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("minilm-qrels-").FullName, "q.json");
        try
        {
            File.WriteAllText(path, text);
            if (judgements is null) { Assert.StartsWith($"{path}: {message}", Assert.Throws<DataFormatException>(() => Qrels.Read(path)).Message); }
            else { Assert.Equal(judgements, string.Join(", ", Lines(Qrels.Read(path)).Select(line => $"{line.Item1} {line.Item2} {line.Item3}"))); }
        }
        finally { Directory.Delete(Path.GetDirectoryName(path)!, recursive: true); }
    }
}
