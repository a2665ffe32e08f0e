using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Data;
using MiniLM.Mining;
using MiniLM.Ranking;
using MiniLM.Tests.Weights;

namespace MiniLM.Tests.Mining;

public sealed class TextMiningTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ReferenceDevice _device = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(4100, 3)]
    [InlineData(3, 4100)]
    public void Search_EmbedsEveryWindow(int queries, int documents)
    {
        int pairs = Math.Max(queries, documents);
        MiningTexts texts = Texts([.. Enumerable.Range(0, pairs).Select(i => (Words(i % queries), Words(i % documents)))]);
        using BiEncoder encoder = BiEncoder.Open(DeviceContract.Fixture("models", "bert"), _device);
        TextMining mining = new(texts, encoder, _device, default);
        List<long> reports = [];
        MinedQuery[] mined = [.. mining.Search(new() { NumNegatives = 2, RangeMax = 2 }, new(), new(), null, reports.Add).Mine()];
        Assert.Equal((queries, queries + documents), (mined.Length, mining.Total.Inputs));
        Assert.Equal(queries > documents ? [4096, 4100, 4103] : [3, 4099, 4103], reports);
        foreach (MinedQuery query in mined.Where(query => query.Query is 0 or 2 or 4095 or 4096 or 4099))
        {
            float[] vector = encoder.Embed(texts.Queries[query.Query]);
            Assert.All(query.Positives[^1..].Concat(query.Negatives),
                hit => Assert.Equal(Cosine.Of(vector, encoder.Embed(texts.Documents[hit.Document])), hit.Score, 2e-6f));
        }
    }

    [Theory]
    [InlineData("bert")]
    [InlineData("bert_prefix")]
    public void Judge_GivesItsOwnScoreOfEveryPair(string model)
    {
        MiningTexts texts = Texts([("one", "one two"), ("the", "of"), ("one", "a"), ("two", "three of")]);
        using BiEncoder encoder = BiEncoder.Open(DeviceContract.Fixture("models", "bert"), _device);
        using PairScorer judge = PairScorer.Open(DeviceContract.Fixture("models", model), _device, Precision.Float32, new());
        TextMining mining = new(texts, encoder, _device, default);
        MinedQuery[] mined = [.. mining.Search(new() { MinScore = -100 }, new(), new(), judge, _ => { }).Mine()];
        Assert.Equal([2, 3, 3], mined.Select(query => query.Negatives.Length));
        Assert.Equal(3 + 4 + (4 + 2) + (4 + 1) + (4 + 1), mining.Total.Inputs - (model == "bert" ? 16 : 0)); // a pair is two inputs of a bi-encoder
        foreach (MinedQuery query in mined)
        {
            Assert.All(query.Positives.Concat(query.Negatives), hit =>
            {
                judge.Compute([texts.Queries[query.Query], texts.Documents[hit.Document]], default);
                Assert.Equal(judge.Score(judge.Raw(0), ScoreKind.Model), hit.Score);
            });
        }
    }

    // Another text for every number.
    private static string Words(int number) =>
        string.Join(' ', Enumerable.Range(0, 5).Select(i => new[] { "one", "two", "three", "a", "of", "the" }[number / (int)Math.Pow(6, i) % 6]));

    private MiningTexts Texts((string Query, string Positive)[] pairs)
    {
        File.WriteAllText(_folder.File("pairs.tsv"), "a\tb\n" + string.Concat(pairs.Select(pair => $"{pair.Query}\t{pair.Positive}\n")));
        return MiningTexts.ReadPairs(_folder.File("pairs.tsv"), new RowFormat { Columns = ["a", "b"] });
    }
}
