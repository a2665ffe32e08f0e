using MiniLM.Data;
using MiniLM.Evaluation.Statistics;
using MiniLM.Ranking;

namespace MiniLM.Tests.Ranking;

public sealed class SanityRerankingTests
{
    private static readonly TrecRun Run = Lines(3, 50);

    [Fact]
    public void Constant_KeepsTheRunsOrder() =>
        Assert.All(Rank(SanityScorer.Constant, 1), query =>
            Assert.Equal(Enumerable.Range(0, 50).Select(i => (i, 0f)), query.Select(line => (line.Index, line.Score))));

    [Fact]
    public void Shuffle_DealsTheRunsScoresOutWithinAQuery()
    {
        RankedDocument[][] ranked = Rank(SanityScorer.Shuffle, 1);
        for (int query = 0; query < 3; query++)
        {
            Assert.Equal(Run.Lines[query].Select(line => (float)line.Score), ranked[query].Select(line => line.Score)); // best first in both
            Assert.Equal(Enumerable.Range(0, 50), ranked[query].Select(line => line.Index).Order());
            Assert.InRange(ranked[query].Where((line, i) => line.Index == i).Count(), 0, 8); // one stays in its place on average
        }
        Assert.NotEqual(ranked[0].Select(line => line.Index), ranked[1].Select(line => line.Index));
    }

    [Fact]
    public void Random_IsUniform_AndOfItsSeed()
    {
        float[] scores = [.. Rank(SanityScorer.Random, 1).SelectMany(query => query).Select(line => line.Score)];
        Assert.Equal(150, scores.Distinct().Count());
        Assert.All(scores, score => Assert.InRange(score, 0, MathF.BitDecrement(1)));
        Assert.InRange(scores.Average(), 0.43f, 0.57f); // three deviations of a mean of 150
        Assert.True(scores.Min() < 0.05f && scores.Max() > 0.95f);
        Assert.Equal(scores, Rank(SanityScorer.Random, 1).SelectMany(query => query).Select(line => line.Score));
        Assert.NotEqual(scores, Rank(SanityScorer.Random, 2).SelectMany(query => query).Select(line => line.Score));
        // The first query's generator begins at the first number of the seed's.
        SplitMix64 first = new(new SplitMix64(1).Next());
        float[] expected = [.. Enumerable.Range(0, 50).Select(_ => (first.Next() >> 40) / 16777216f)];
        Assert.Equal(expected.OrderDescending(), scores[..50]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void APart_IsThatPartOfTheWhole(int scorer)
    {
        RankedDocument[][] whole = Rank((SanityScorer)scorer, 5);
        RankedDocument[][] part = new SanityReranking(Run, (SanityScorer)scorer, 5).Rank(1, 3, raw => raw, out _, default);
        Assert.Equal(whole[1], part[0]);
        Assert.Equal(whole[2], part[1]);
    }

    private static RankedDocument[][] Rank(SanityScorer scorer, ulong seed)
    {
        RankedDocument[][] ranked = new SanityReranking(Run, scorer, seed).Rank(0, 3, raw => raw, out EncodingStatistics statistics, default);
        Assert.Equal(default, statistics);
        return ranked;
    }

    private static TrecRun Lines(int queries, int documents)
    {
        TrecRun run = new();
        for (int i = 0; i < queries * documents; i++) { run.Add($"q{i / documents}", $"d{i % documents}", 100 - i); }
        return run;
    }

    [Fact]
    public void Order_IsByTheScore_ThenByWhatItIsMadeOf()
    {
        RankedDocument[] falling = RankedDocument.Order([1, 3, 2, 3], raw => -raw);
        Assert.Equal([0, 2, 1, 3], falling.Select(document => document.Index));
        RankedDocument[] steps = RankedDocument.Order([0.1f, 1.5f, 0.3f, 1.2f, 0.3f], float.Floor);
        Assert.Equal([1, 3, 2, 4, 0], steps.Select(document => document.Index));
        Assert.Equal([1, 1, 0, 0, 0], steps.Select(document => document.Score));
    }

    [Fact]
    public void SetApart_LetsScoresFallWhereRawOnesDo()
    {
        float below = float.BitDecrement(1), half = 0.5f;
        Assert.Equal([1, below, below, float.BitDecrement(below), half], Apart((1, 9), (1, 8), (1, 8), (1, 7), (half, 6)));
        // The first step reaches into the next one.
        Assert.Equal([1, below, float.BitDecrement(below)], Apart((1, 9), (1, 8), (below, 7)));
        Assert.Equal([3, 2, 2, 1], Apart((3, 3), (2, 2), (2, 2), (1, 1)));
        Assert.Equal([5], Apart((5, 1)));
        Assert.Empty(Apart());
    }

    [Fact]
    public void SetApart_LeavesNothingBelowZero()
    {
        const float Least = float.Epsilon;
        Assert.Equal([0.5f, 2 * Least, Least, Least, 0], Apart((0.5f, 9), (0, 4), (0, 3), (0, 3), (0, 2)));
        Assert.Equal([0.5f, 0, 0], Apart((0.5f, 9), (0, 3), (0, 3)));
        Assert.Equal([3 * Least, 2 * Least, Least], Apart((Least, 9), (Least, 3), (Least, 2)));
        // Scores that are below 0 stay so.
        Assert.Equal([0, -1, float.BitDecrement(-1)], Apart((0, 9), (-1, 3), (-1, 2)));
    }

    private static IEnumerable<float> Apart(params (float Score, float Raw)[] ordered)
    {
        RankedDocument[] documents = [.. ordered.Select((pair, i) => new RankedDocument(i, pair.Score, pair.Raw))];
        RankedDocument.SetApart(documents);
        Assert.Equal(ordered.Select((pair, i) => (i, pair.Raw)), documents.Select(document => (document.Index, document.Logit)));
        return documents.Select(document => document.Score);
    }
}
