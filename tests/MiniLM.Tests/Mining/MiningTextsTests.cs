using MiniLM.Data;
using MiniLM.Mining;
using MiniLM.Tests.Weights;
using MiniLM.Text.Repair;

namespace MiniLM.Tests.Mining;

public sealed class MiningTextsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_TakesPositivesInTheOrderOfTheJudgements()
    {
        Write("q.tsv", "x\tunused\nq1\tone\nq2\ttwo\n");
        Write("corpus.jsonl", "{\"_id\":\"a\",\"title\":\"T\",\"text\":\"A\"}\n{\"_id\":\"b\",\"text\":\"B\"}\n{\"_id\":\"c\",\"text\":\"C\"}\n");
        Write("qrels", "q2 0 c 1\nq2 0 b 0\nq1 0 b 2\nq2 0 a 3\nnone 0 a 0\nq1 0 c -1\n");
        MiningTexts texts = Read();
        Assert.Equal(["two", "one"], texts.Queries);
        Assert.Equal(["T A", "B", "C"], texts.Documents);
        Assert.Equal([(0, 2), (0, 0), (1, 1)], texts.Pairs);
    }

    [Fact]
    public void Read_MakesEqualTextsOne()
    {
        Write("q.tsv", "q1\tsame\nq2\tother\nq3\tsame\n");
        Write("corpus.jsonl", "{\"_id\":\"a\",\"text\":\"A\"}\n{\"_id\":\"b\",\"title\":\"A\",\"text\":\"\"}\n{\"_id\":\"c\",\"text\":\"C\"}\n");
        Write("qrels", "q1 0 b 1\nq2 0 c 1\nq3 0 c 1\nq3 0 a 1\n");
        MiningTexts texts = Read();
        Assert.Equal(["same", "other"], texts.Queries);
        Assert.Equal(["A", "C"], texts.Documents);
        Assert.Equal([(0, 0), (1, 1), (0, 1), (0, 0)], texts.Pairs);
    }

    [Fact]
    public void Read_RefusesWhatIsNowhere()
    {
        Write("q.tsv", "q1\tone\n");
        Write("corpus.jsonl", "{\"_id\":\"a\",\"text\":\"A\"}\n");
        Refuses("q1 0 a 1\nq1 0 b 0\nq1 0 x 1\nq1 0 y 1\n", "corpus.jsonl: has no document 'x', which");
        Refuses("q1 0 a 1\nq9 0 a 1\nq8 0 a 1\nq7 0 a 1\n", "q.tsv: has no query 'q9', which");
        Refuses("q1 0 a 0\n", "qrels: has no grade above 0");

        void Refuses(string qrels, string message)
        {
            Write("qrels", qrels);
            Assert.Contains(message, Assert.Throws<DataFormatException>(() => Read()).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Read_SaysHowManyAreMissing()
    {
        Write("q.tsv", "q1\tone\n");
        Write("corpus.jsonl", "{\"_id\":\"a\",\"text\":\"A\"}\n");
        Write("qrels", "q1 0 x 1\nq1 0 y 1\nq1 0 z 1\n");
        Assert.Contains("qrels names (and 2 more). Give the corpus", Assert.Throws<DataFormatException>(() => Read()).Message, StringComparison.Ordinal);
        Write("qrels", "q2 0 a 1\n");
        Assert.Contains("qrels names. Give the queries", Assert.Throws<DataFormatException>(() => Read()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadPairs_PutsACorpusBeforeThePositives()
    {
        Write("pairs.jsonl", "{\"a\":\"one\",\"b\":\"B\"}\n{\"a\":\"two\",\"b\":\"C\"}\n{\"a\":\"one\",\"b\":\"C\"}\n{\"a\":\"one\",\"b\":\"B\"}\n");
        Write("corpus.tsv", "1\tX\n2\tC\n3\tX\n");
        RowFormat format = new() { Columns = ["a", "b"] };
        MiningTexts alone = MiningTexts.ReadPairs(_folder.File("pairs.jsonl"), format);
        Assert.Equal(["one", "two"], alone.Queries);
        Assert.Equal(["B", "C"], alone.Documents);
        Assert.Equal([(0, 0), (1, 1), (0, 1), (0, 0)], alone.Pairs);
        MiningTexts beside = MiningTexts.ReadPairs(_folder.File("pairs.jsonl"), format, _folder.File("corpus.tsv"));
        Assert.Equal(["X", "C", "B"], beside.Documents);
        Assert.Equal([(0, 2), (1, 1), (0, 1), (0, 2)], beside.Pairs);
    }

    [Fact]
    public void ReadPairs_RefusesAFileWithoutPairs()
    {
        Write("pairs.tsv", "a\tb\n");
        DataFormatException error = Assert.Throws<DataFormatException>(
            () => MiningTexts.ReadPairs(_folder.File("pairs.tsv"), new RowFormat { Columns = ["a", "b"] }));
        Assert.Contains("pairs.tsv: has no pairs", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_AreRepairedBeforeTheyAreCompared()
    {
        Write("pairs.jsonl", "{\"a\":\"cafÃ©\",\"b\":\"B\"}\n{\"a\":\"café\",\"b\":\"C\"}\n");
        MiningTexts texts = MiningTexts.ReadPairs(_folder.File("pairs.jsonl"), new RowFormat { Columns = ["a", "b"], Repair = TextRepairKind.Encoding });
        Assert.Equal(["café"], texts.Queries);
    }

    private MiningTexts Read() => MiningTexts.Read(_folder.File("q.tsv"), _folder.File("corpus.jsonl"), _folder.File("qrels"));

    private void Write(string name, string content) => File.WriteAllText(_folder.File(name), content);
}
