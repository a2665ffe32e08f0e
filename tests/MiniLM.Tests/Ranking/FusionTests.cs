using System.Text.Json;
using MiniLM.Ranking;
using static MiniLM.Tests.Evaluation.MetricsGolden;

namespace MiniLM.Tests.Ranking;

public sealed class FusionTests
{
    private static readonly (string, double)[] A = [("a", 3), ("b", 2), ("c", 1)], B = [("c", 0.9), ("d", 0.3), ("a", -0.3)];

    [Fact]
    public void Rrf_SumsReciprocalRanks()
    {
        AssertFused("a 1 b 0.5", Fusion.Fuse([[("a", 1), ("b", 1)]], FusionMethod.Rrf, [1], 0)); // equal scores, but not equal ranks
        AssertFused($"a {1 / 61.0 + 1 / 63.0:R} c {1 / 63.0 + 1 / 61.0:R} b {1 / 62.0:R} d {1 / 62.0:R}", Fusion.Fuse([A, B], FusionMethod.Rrf, [1, 1], 60));
        AssertFused($"c {2 / 61.0 + 1 / 63.0:R} a {2 / 63.0 + 1 / 61.0:R} d {2 / 62.0:R} b {1 / 62.0:R}", Fusion.Fuse([A, B], FusionMethod.Rrf, [1, 2], 60));
        AssertFused("a 1", Fusion.Fuse([[("a", double.PositiveInfinity)]], FusionMethod.Rrf, [1], 0)); // no score is read
    }

    [Fact]
    public void MinMax_PutsEachListBetween0And1()
    {
        // A is 1, .5, 0 and B 1, .5, 0
        AssertFused("a 1 c 1 b 0.5 d 0.5", Round(Fusion.Fuse([A, B], FusionMethod.MinMax, [1, 1], 60)));
        AssertFused("c 3 d 1.5 a 0.25 b 0.125", Round(Fusion.Fuse([A, B], FusionMethod.MinMax, [0.25, 3], 60)));
        AssertFused("a 2 b 2", Fusion.Fuse([[("a", 5), ("b", 5)]], FusionMethod.MinMax, [2], 60));
    }

    [Fact]
    public void ZScore_DividesByTheDeviationOfAllScores()
    {
        // mean 2, deviation sqrt(2/3)
        AssertFused("a 1.224744871 b 0 c -1.224744871", Round(Fusion.Fuse([A], FusionMethod.ZScore, [1], 60)));
        AssertFused("a 0 b 0 c 0", Fusion.Fuse([[("c", 0.1), ("b", 0.1), ("a", 0.1)]], FusionMethod.ZScore, [1], 60));
    }

    [Fact]
    public void CombSumAndCombMnz_TakeScoresAsTheyAre()
    {
        AssertFused("a 2.7 b 2 c 1.9 d 0.3", Round(Fusion.Fuse([A, B], FusionMethod.CombSum, [1, 1], 60)));
        AssertFused("a 5.4 c 3.8 b 2 d 0.3", Round(Fusion.Fuse([A, B], FusionMethod.CombMnz, [1, 1], 60)));
        AssertFused("c 10 d 1.5 b 1 a 0", Round(Fusion.Fuse([A, B], FusionMethod.CombMnz, [0.5, 5], 60)));
    }

    [Fact]
    public void EmptyLists_AreLeftOut()
    {
        foreach (FusionMethod method in Enum.GetValues<FusionMethod>())
        {
            Assert.Equal(["b"], Fusion.Fuse([[], [("b", 1)]], method, [1, 1], 60).Select(line => line.Document));
            Assert.Empty(Fusion.Fuse([[], []], method, [1, 1], 60));
        }
    }

    [Fact]
    public void EqualScores_AreOrderedByCodePoints() =>
        Assert.Equal(["1", "10", "2", "\uff41", "\U0001f600"],
            Fusion.Fuse([[("\U0001f600", 1), ("2", 1), ("\uff41", 1), ("10", 1), ("1", 1)]], FusionMethod.CombSum, [1], 60).Select(line => line.Document));

    [Fact]
    public void Golden_EveryQueryAndSmallCase()
    {
        JsonElement golden = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("golden", "retrieval", "fusion", "fusion.json"))).RootElement;
        int compared = 0;
        foreach (JsonElement query in golden.GetProperty("queries").EnumerateArray())
        {
            (string, double)[][] lists = [List(query.GetProperty("sparse")), List(query.GetProperty("dense"))];
            foreach (JsonProperty expected in query.EnumerateObject()) { Compare(expected, lists); }
        }
        foreach (JsonElement small in golden.GetProperty("small").EnumerateArray())
        {
            (string, double)[][] lists = [.. small.GetProperty("runs").EnumerateArray().Select(List)];
            foreach (JsonProperty expected in small.EnumerateObject()) { Compare(expected, lists); }
        }
        Assert.True(compared > 0, "nothing compared");

        // A name is a method, k behind rrf, weights behind others: rrf60, minmax_0.3_0.7.
        void Compare(JsonProperty expected, (string, double)[][] lists)
        {
            string[] parts = expected.Name.Split('_');
            string method = parts[0].TrimEnd("0123456789".ToCharArray());
            if (method is not ("rrf" or "minmax" or "zscore" or "combsum" or "combmnz")) { return; }
            double[] weights = parts.Length == 1 ? [.. lists.Select(_ => 1.0)] : [.. parts[1..].Select(part => Number(JsonDocument.Parse(part).RootElement))];
            int k = method == "rrf" ? int.Parse(parts[0][3..], System.Globalization.CultureInfo.InvariantCulture) : 60;
            (string Document, double Score)[] wanted = List(expected.Value);
            (string Document, double Score)[] fused = Fusion.Fuse(lists, Enum.Parse<FusionMethod>(method, ignoreCase: true), weights, k);
            Assert.Equal(wanted.Select(line => line.Document), fused.Take(wanted.Length).Select(line => line.Document));
            for (int i = 0; i < wanted.Length; i++) { AssertClose(wanted[i].Score, fused[i].Score, $"{expected.Name}: {wanted[i].Document}"); }
            compared += wanted.Length;
        }
    }

    private static (string, double)[] List(JsonElement list) =>
        [.. list.EnumerateArray().Select(line => (line[0].GetString()!, line[1].GetDouble()))];

    private static (string, double)[] Round((string, double)[] fused) => Array.ConvertAll(fused, line => (line.Item1, Math.Round(line.Item2, 9)));

    private static void AssertFused(string expected, (string Document, double Score)[] fused) =>
        Assert.Equal(expected, string.Join(' ', fused.Select(line => FormattableString.Invariant($"{line.Document} {line.Score:R}"))));
}
