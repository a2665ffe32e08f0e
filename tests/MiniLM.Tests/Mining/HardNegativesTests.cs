using MiniLM.Compute.Reference;
using MiniLM.Mining;
using MiniLM.Model;
using MiniLM.Retrieval;

namespace MiniLM.Tests.Mining;

/// <summary>The rules by hand. A document's score for query 0 is its only number; query 1 sees its negative.</summary>
public sealed class HardNegativesTests
{
    private static readonly ReferenceDevice Device = new();

    // Documents 0..7 for a query (1): scores as they stand; document 2 is the positive.
    private static readonly float[] Documents = [.5f, .75f, .625f, .25f, -.5f, .75f, .625f, 0];

    [Fact]
    public void Mine_TakesTheBestThatAreNoPositives_TheEarlierOfEquals()
    {
        MinedQuery mined = Create(new(), Documents, [(0, 2)]).Mine().Single();
        Assert.Equal([new SearchHit(2, .625f)], mined.Positives);
        Assert.Equal([new SearchHit(1, .75f), new SearchHit(5, .75f), new SearchHit(6, .625f)], mined.Negatives);
    }

    // Of vectors of length 1 only Manhattan's distance has another order than the cosine: |.6 - 1| + .8 is more than .952 + .136.
    [Theory]
    [InlineData(SimilarityFunction.Cosine, -.8f, new[] { 0, 2 }, new[] { .6f, .5376f })]
    [InlineData(SimilarityFunction.Dot, -.8f, new[] { 0, 2 }, new[] { .6f, .5376f })]
    [InlineData(SimilarityFunction.Euclidean, -1.8973666f, new[] { 0, 2 }, new[] { -.8944272f, -.9616652f })]
    [InlineData(SimilarityFunction.Manhattan, -2.4f, new[] { 2, 0 }, new[] { -1.088f, -1.2f })]
    public void Mine_ScoresByTheSimilarity(SimilarityFunction similarity, float positive, int[] documents, float[] scores)
    {
        HardNegatives mining = new(new(), [.6f, .8f], 2, [(0, 1)], 3, Device, null, similarity);
        mining.Add(new float[] { 1, 0, 0, -1, -.352f, .936f });
        MinedQuery mined = mining.Mine().Single();
        Assert.Equal(positive, mined.Positives.Single().Score, 1e-6f);
        Assert.Equal(documents, mined.Negatives.Select(hit => hit.Document));
        foreach ((float expected, SearchHit hit) in scores.Zip(mined.Negatives)) { Assert.Equal(expected, hit.Score, 1e-6f); }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public void Positives_KeepTheirOrder_HoweverDocumentsCome(int together)
    {
        HardNegatives negatives = new(new(), [1f], 1, [(0, 6), (0, 1), (0, 7), (0, 1), (0, 0)], Documents.Length, Device);
        for (int i = 0; i < Documents.Length; i += together) { negatives.Add(Documents.AsMemory(i, Math.Min(together, Documents.Length - i))); }
        Assert.Equal([new SearchHit(6, .625f), new SearchHit(1, .75f), new SearchHit(7, 0), new SearchHit(0, .5f)], negatives.Mine().Single().Positives);
    }

    [Theory]
    [InlineData(0, null, 2, new[] { 1, 5 })]
    [InlineData(1, null, 2, new[] { 5, 6 })]
    [InlineData(2, 4, 2, new[] { 6, 0 })]
    [InlineData(1, 3, 2, new[] { 5, 6 })]
    [InlineData(5, null, 4, new[] { 7, 4 })] // fewer are left
    [InlineData(7, null, 1, new int[0])]
    [InlineData(2_000_000_000, int.MaxValue, 3, new int[0])]
    [InlineData(2_000_000_000, null, 2_000_000_000, new int[0])]
    public void Mine_CountsRanksBehindThePositives(int rangeMin, int? rangeMax, int count, int[] expected) =>
        Assert.Equal(expected, Places(new MiningOptions { RangeMin = rangeMin, RangeMax = rangeMax, NumNegatives = count }));

    [Theory]
    [InlineData(0f, new[] { 6, 0, 3 })] // as good as the positive is allowed
    [InlineData(.125f, new[] { 0, 3, 7 })] // and exactly at the margin too
    [InlineData(.25f, new[] { 3, 7, 4 })]
    [InlineData(-.125f, new[] { 1, 5, 6 })]
    public void AbsoluteMargin_IsBelowThePositive(float margin, int[] expected) => Assert.Equal(expected, Places(new() { AbsoluteMargin = margin }));

    [Theory]
    [InlineData(.125f, new[] { 0, 3, 7 })] // .625 - .078
    [InlineData(.2f, new[] { 0, 3, 7 })] // .5 in float32
    [InlineData(.6f, new[] { 3, 7, 4 })]
    [InlineData(1f, new[] { 7, 4 })]
    public void RelativeMargin_IsAShareOfThePositive(float margin, int[] expected) => Assert.Equal(expected, Places(new() { RelativeMargin = margin }));

    [Fact]
    public void RelativeMargin_OfANegativePositiveIsBelowIt() =>
        Assert.Equal([0], Places(new() { RelativeMargin = .5f }, documents: [-.75f, -.5f, -.625f, 0], pairs: [(0, 1)]));

    [Theory]
    [InlineData(.625f, null, new[] { 6, 0, 3 })]
    [InlineData(.6f, null, new[] { 0, 3, 7 })]
    [InlineData(null, .625f, new[] { 1, 5, 6 })]
    [InlineData(null, .626f, new[] { 1, 5 })]
    [InlineData(.7f, .2f, new[] { 6, 0, 3 })]
    public void MaxScoreAndMinScore_AreScoresThatCount(float? most, float? least, int[] expected) =>
        Assert.Equal(expected, Places(new() { MaxScore = most, MinScore = least }));

    [Fact]
    public void Margins_AreMeasuredFromTheLowestPositive()
    {
        Assert.Equal([3, 7, 4], Places(new() { AbsoluteMargin = 0 }, pairs: [(0, 1), (0, 3), (0, 5), (0, 0), (0, 2), (0, 6)], keep: true));
        Assert.Equal([7, 4], Places(new() { AbsoluteMargin = 0 }, pairs: [(0, 1), (0, 3)]));
    }

    [Fact]
    public void Candidates_AreAsManyAsRanksAndPositives()
    {
        // 5 and 6 would be negatives, but the search stops at rank 2 + 1.
        float[] documents = [.9f, .8f, .7f, .6f, .5f, .4f, .3f];
        Assert.Equal([], Places(new() { NumNegatives = 2, RangeMax = 2, MaxScore = .5f }, documents, [(0, 0)]));
        Assert.Equal([4], Places(new() { NumNegatives = 2, RangeMax = 4, MaxScore = .5f }, documents, [(0, 0)]));
        Assert.Equal([4, 5], Places(new() { NumNegatives = 2, MaxScore = .5f }, documents, [(0, 0)]));
        // min_score alone needs no further candidates; every repeated pair brings one.
        Assert.Equal([1, 2], Places(new() { NumNegatives = 2, MinScore = .1f }, documents, [(0, 0)]));
        Assert.Equal([4, 5], Places(new() { NumNegatives = 2, RangeMax = 2, MaxScore = .5f }, documents, [(0, 0), (0, 0), (0, 0), (0, 0)]));
    }

    [Theory]
    [InlineData(null, null, null, null, false, 9)]
    [InlineData(1f, null, null, null, false, 36)]
    [InlineData(null, 1f, null, null, false, 36)]
    [InlineData(null, null, 1f, null, false, 36)]
    [InlineData(null, null, null, 1f, false, 9)]
    [InlineData(null, null, null, 1f, true, 36)]
    [InlineData(null, null, null, null, true, 9)]
    public void LastRank_IsWideWhereCandidatesAreRemoved(float? absolute, float? relative, float? most, float? least, bool isJudged, int expected)
    {
        MiningOptions options = new() { AbsoluteMargin = absolute, RelativeMargin = relative, MaxScore = most, MinScore = least, RangeMin = 4 };
        Assert.Equal(expected, options.LastRank(2, isJudged));
        Assert.Equal(8, (options with { RangeMax = 8 }).LastRank(2, isJudged));
    }

    [Fact]
    public void Rules_AreAskedInOrderAndTheFirstCounts()
    {
        MiningOptions options = new() { AbsoluteMargin = .1f, RelativeMargin = .3f, MaxScore = .3f, MinScore = .1f, RangeMax = 20 };
        HardNegatives negatives = Create(options, Documents, [(0, 2)]);
        Assert.Equal([3], negatives.Mine().Single().Negatives.Select(hit => hit.Document));
        NegativeSelection rules = negatives.Selection;
        // above .525: 1, 5, 6; above .4375: 0; above .3: none that is left; below .1: 4, 7
        Assert.Equal((7, 3, 1, 0, 2), (rules.Candidates, rules.Skipped(MiningRule.AbsoluteMargin), rules.Skipped(MiningRule.RelativeMargin),
            rules.Skipped(MiningRule.MaxScore), rules.Skipped(MiningRule.MinScore)));
        HardNegatives capped = Create(new() { MaxScore = .7f, MinScore = .8f, RangeMax = 20 }, Documents, [(0, 2)]);
        Assert.Empty(capped.Mine().Single().Negatives);
        Assert.Equal((2, 5), (capped.Selection.Skipped(MiningRule.MaxScore), capped.Selection.Skipped(MiningRule.MinScore)));
    }

    [Fact]
    public void RemovedCandidates_DoNotCountAsRanks() =>
        Assert.Equal([0, 3], Places(new() { AbsoluteMargin = 0, RangeMin = 1, NumNegatives = 2 }));

    [Fact]
    public void IncludePositives_KeepsThemAmongTheCandidates()
    {
        HardNegatives negatives = Create(new() { IncludePositives = true, NumNegatives = 4 }, Documents, [(0, 2)]);
        Assert.Equal([1, 5, 2, 6], negatives.Mine().Single().Negatives.Select(hit => hit.Document));
        Assert.Equal(6, negatives.Selection.Candidates); // 4 + 1 ranks and a positive
    }

    [Fact]
    public void Judge_ScoresCandidatesAndPositivesAnew()
    {
        float[] judged = [5, 1, 3, 4, 9, 1, 2, 2]; // of documents 0 to 7
        int calls = 0;
        void Judge(int query, ReadOnlySpan<int> documents, Span<float> scores)
        {
            Assert.Equal((0, calls++), (query, 0));
            for (int i = 0; i < scores.Length; i++) { scores[i] = judged[documents[i]]; }
        }
        MinedQuery mined = Create(new() { RelativeMargin = .1f, NumNegatives = 4 }, Documents, [(0, 2)], Judge).Mine().Single();
        Assert.Equal([new SearchHit(2, 3)], mined.Positives);
        // Below 2.7, best first; equal ones in the order of the search: 6 before 7, 1 before 5.
        Assert.Equal([new SearchHit(6, 2), new SearchHit(7, 2), new SearchHit(1, 1), new SearchHit(5, 1)], mined.Negatives);
        Assert.Equal(1, calls);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Judge_IsAskedOnlyWhereAScoreDecides(bool decides)
    {
        int calls = 0;
        HardNegatives negatives = Create(new() { MinScore = decides ? -1 : null }, Documents, [(0, 2)], (_, _, scores) =>
        {
            calls++;
            scores.Fill(-.75f);
        });
        Assert.Equal(decides ? -.75f : .75f, negatives.Mine().Single().Negatives[0].Score);
        Assert.Equal(decides ? 1 : 0, calls);
    }

    [Fact]
    public void Random_TakesAnySetInTheRangeBestFirst()
    {
        HashSet<string> seen = [];
        for (ulong seed = 0; seed < 200; seed++)
        {
            MiningOptions options = new() { Sampling = SamplingStrategy.Random, Seed = seed, NumNegatives = 2, RangeMin = 1, RangeMax = 5 };
            int[] places = Places(options);
            Assert.Equal(places, Places(options)); // a seed gives one result
            seen.Add(string.Join(',', places));
        }
        // Ranks 1 to 4 are documents 5, 6, 0, 3.
        Assert.Equal(["0,3", "5,0", "5,3", "5,6", "6,0", "6,3"], seen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Random_TakesAllWhereThereAreNoMore_AndDrawsOnForTheNextQuery()
    {
        MiningOptions options = new() { Sampling = SamplingStrategy.Random, NumNegatives = 2, RangeMax = 20, MaxScore = .1f };
        Assert.Equal([7], Places(options with { MinScore = -.1f }));
        Assert.Equal([7, 4], Places(options));
        float[] documents = [.. Enumerable.Range(0, 40).Select(i => 1 - i / 64f)];
        HardNegatives two = Create(new() { Sampling = SamplingStrategy.Random, RangeMax = 30, Seed = 7 }, documents, [(0, 0), (1, 0)], queries: [1, 1]);
        MinedQuery[] mined = [.. two.Mine()];
        Assert.NotEqual(mined[0].Negatives, mined[1].Negatives);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(100)]
    public void Blocks_OfAnySizeGiveWhatOneGives(int size)
    {
        const int Width = 8, Count = 100, Queries = 70;
        Random random = new(5);
        float[] documents = [.. Enumerable.Range(0, Count * Width).Select(_ => random.Next(-4, 5) / 4f)];
        float[] queries = [.. Enumerable.Range(0, Queries * Width).Select(_ => random.Next(-4, 5) / 4f)];
        (int, int)[] pairs = [.. Enumerable.Range(0, Queries).Select(query => (query, random.Next(Count))), (3, 99), (3, 0)];
        MiningOptions options = new() { NumNegatives = 6, RangeMin = 1, AbsoluteMargin = .25f };
        HardNegatives whole = new(options, queries, Width, pairs, Count, Device), parts = new(options, queries, Width, pairs, Count, Device);
        whole.Add(documents);
        for (int at = 0; at < Count; at += size) { parts.Add(documents.AsMemory(at * Width, Math.Min(size, Count - at) * Width)); }
        MinedQuery[] expected = [.. whole.Mine()], actual = [.. parts.Mine()];
        Assert.Equal(Queries, actual.Length);
        for (int query = 0; query < Queries; query++)
        {
            Assert.Equal(expected[query].Positives, actual[query].Positives);
            Assert.Equal(expected[query].Negatives, actual[query].Negatives);
            // And by the definition, in exact arithmetic.
            float Score(int document) => Enumerable.Range(0, Width).Sum(i => queries[query * Width + i] * documents[document * Width + i]);
            int[] positives = [.. pairs.Where(pair => pair.Item1 == query).Select(pair => pair.Item2).Distinct()];
            float limit = positives.Min(Score) - .25f;
            IEnumerable<int> candidates = Enumerable.Range(0, Count).OrderByDescending(Score).Take(1 + 60 + 3 + 3).Except(positives);
            int[] best = [.. candidates.Where(document => Score(document) <= limit).Skip(1).Take(6)];
            Assert.Equal(best, actual[query].Negatives.Select(hit => hit.Document));
        }
    }

    [Theory]
    [InlineData(0, 0, null, "--num-negatives 0")]
    [InlineData(1, -1, null, "--range-min -1")]
    [InlineData(1, 5, 5, "--range-min 5 leaves nothing of --range-max 5")]
    [InlineData(1, 6, 5, "--range-min 6 leaves nothing of --range-max 5")]
    [InlineData(3, 1, 3, "--range-min 1 and --range-max 3 leave 2 candidates")]
    public void Options_ThatLeaveNoRoomAreRefused(int count, int rangeMin, int? rangeMax, string message)
    {
        MiningOptions options = new() { NumNegatives = count, RangeMin = rangeMin, RangeMax = rangeMax };
        Assert.Contains(message, Assert.Throws<ArgumentException>(options.Check).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Create(options, Documents, [(0, 2)]));
    }

    [Fact]
    public void Options_ThatJustFitAreTaken()
    {
        new MiningOptions { NumNegatives = 2, RangeMin = 1, RangeMax = 3 }.Check();
        new MiningOptions { NumNegatives = 1, RangeMin = 0, RangeMax = 1 }.Check();
    }

    [Fact]
    public void Misuse_IsRefused()
    {
        Assert.Contains("query 1 has no positive", Assert.Throws<ArgumentException>(() => Create(new(), Documents, [(0, 2)], queries: [1, 1])).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => Create(new(), Documents, [(0, 8)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Create(new(), Documents, [(0, -1)]));
        Assert.Throws<ArgumentException>(() => Create(new(), Documents, [(0, 2)]).Add(new float[] { 1 }));
        HardNegatives early = new(new(), [1], 1, [(0, 0)], 2, Device);
        early.Add(new float[] { 1 });
        Assert.Throws<InvalidOperationException>(() => early.Mine().Count());
        Assert.Throws<OperationCanceledException>(() => Create(new(), Documents, [(0, 2)]).Mine(new CancellationToken(true)).Count());
    }

    private static int[] Places(MiningOptions options, float[]? documents = null, (int, int)[]? pairs = null, bool keep = false) =>
        [.. Create(options with { IncludePositives = keep }, documents ?? Documents, pairs ?? [(0, 2)]).Mine().Single().Negatives.Select(hit => hit.Document)];

    private static HardNegatives Create(
        MiningOptions options, float[] documents, (int, int)[] pairs, HardNegatives.Judge? judge = null, float[]? queries = null)
    {
        HardNegatives negatives = new(options, queries ?? [1], 1, pairs, documents.Length, Device, judge);
        negatives.Add(documents);
        return negatives;
    }
}
