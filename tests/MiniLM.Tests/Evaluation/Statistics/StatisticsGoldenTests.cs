using System.Text.Json;
using MiniLM.Evaluation.Statistics;
using MiniLM.Weights;
using static MiniLM.Tests.Evaluation.MetricsGolden;

namespace MiniLM.Tests.Evaluation.Statistics;

/// <summary>scipy's and numpy's numbers.</summary>
public sealed class StatisticsGoldenTests
{
    private static readonly JsonElement[] Cases =
        SharedFolder.Root is null ? [] : [.. Json("statistics", "significance.json").GetProperty("cases").EnumerateArray()];

    [Fact]
    public void Correlations_AreScipys()
    {
        int cases = 0;
        foreach (JsonElement golden in Json("statistics", "correlation.json").GetProperty("cases").EnumerateArray())
        {
            string name = golden.GetProperty("name").GetString()!;
            double[] x = Numbers(golden, "x"), y = Numbers(golden, "y");
            double pearson = Correlation.Pearson(x, y), spearman = Correlation.Spearman(x, y);
            Assert.Equal(Numbers(golden, "rank_x"), AverageRanks.Of(x));
            Assert.Equal(Numbers(golden, "rank_y"), AverageRanks.Of(y));
            AssertClose(Number(golden, "pearson"), pearson, $"{name}: pearson");
            AssertClose(Number(golden, "spearman"), spearman, $"{name}: spearman");
            AssertClose(Number(golden, "kendall_tau_b"), Correlation.KendallTauB(x, y), $"{name}: kendall");
            AssertClose(Number(golden, "spearman_p"), Correlation.P(spearman, x.Length), $"{name}: p of spearman");
            // Of two points scipy says p = 1: nothing is left to be tested, which is NaN here.
            if (x.Length > 2) { AssertClose(Number(golden, "pearson_p"), Correlation.P(pearson, x.Length), $"{name}: p of pearson"); }
            cases++;
        }
        Assert.True(cases > 0, "no cases");
    }

    [Fact]
    public void TDistribution_IsScipys()
    {
        int rows = 0;
        foreach (JsonElement row in Json("statistics", "significance.json").GetProperty("t_distribution").EnumerateArray())
        {
            double expected = Number(row, "p_two_sided"), actual = StudentT.TwoSided(Number(row, "t"), row.GetProperty("df").GetInt32());
            Assert.True(Math.Abs(actual - expected) <= 1e-9 * expected, $"{row}: {actual:R}");
            rows++;
        }
        Assert.True(rows > 0, "no rows");
    }

    [Fact]
    public void PairedTTest_IsScipys() => ForEachCase((name, golden, differences) =>
    {
        PairedTTest test = PairedTTest.Of(differences);
        JsonElement expected = golden.GetProperty("t_test");
        AssertClose(Number(golden, "mean_difference"), test.MeanDifference, $"{name}: mean");
        AssertClose(Number(golden, "sd_of_difference"), test.Deviation, $"{name}: deviation");
        AssertClose(Number(expected, "t"), test.T, $"{name}: t");
        AssertClose(Number(expected, "p_two_sided"), test.P, $"{name}: p");
        Assert.Equal(expected.GetProperty("df").GetInt32(), test.DegreesOfFreedom);
        if (expected.TryGetProperty("ci95", out JsonElement interval)) { AssertInterval(interval, test.Interval(0.95), $"{name}: interval"); }
    });

    [Fact]
    public void SignTest_IsScipys() => ForEachCase((name, golden, differences) =>
    {
        JsonElement expected = golden.GetProperty("sign_test");
        SignTest test = SignTest.Of(differences);
        Assert.Equal(
            (expected.GetProperty("plus").GetInt32(), expected.GetProperty("minus").GetInt32(), expected.GetProperty("zero").GetInt32()),
            (test.Plus, test.Minus, test.Zero));
        AssertClose(Number(expected, "p_two_sided"), test.P, $"{name}: p");
    });

    [Fact]
    public void WilcoxonTest_IsScipys() => ForEachCase((name, golden, differences) =>
    {
        if (!golden.TryGetProperty("wilcoxon_normal_approximation", out JsonElement expected)) { return; }
        WilcoxonTest test = WilcoxonTest.Of(differences);
        AssertClose(Number(expected, "statistic"), test.Statistic, $"{name}: statistic");
        AssertClose(Number(expected, "p_two_sided"), test.P, $"{name}: p");
    });

    [Fact]
    public void RandomizationTest_CountsTheGoldensAssignments()
    {
        using Golden tensors = new(MetricsGolden.Path("statistics", "significance.safetensors"));
        ForEachCase((name, golden, differences) =>
        {
            if (golden.TryGetProperty("randomisation_exact", out JsonElement exact))
            {
                RandomizationTest test = RandomizationTest.Of([differences], samples: 1, seed: 0)[0];
                Assert.True(test.IsExact);
                Assert.Equal(exact.GetProperty("assignments").GetInt32(), test.Assignments);
                Assert.Equal(exact.GetProperty("at_least_as_extreme").GetInt32(), test.AtLeastAsExtreme);
                AssertClose(Number(exact, "p"), test.P, $"{name}: p");
                return;
            }
            JsonElement given = golden.GetProperty("randomisation_given");
            RandomizationTest sampled = RandomizationTest.Of(differences, Bytes(tensors, given.GetProperty("swap_tensor").GetString()!));
            Assert.False(sampled.IsExact);
            Assert.Equal(given.GetProperty("samples").GetInt32(), sampled.Assignments);
            Assert.Equal(given.GetProperty("at_least_as_extreme").GetInt32(), sampled.AtLeastAsExtreme);
            AssertClose(Number(given, "p"), sampled.Share, $"{name}: share");
            AssertClose(Number(given, "p_plus_one"), sampled.P, $"{name}: p");
        });
    }

    [Fact]
    public void BootstrapInterval_IsNumpys()
    {
        using Golden tensors = new(MetricsGolden.Path("statistics", "significance.safetensors"));
        ForEachCase((name, golden, differences) =>
        {
            JsonElement expected = golden.GetProperty("bootstrap");
            int[] indices = Array.ConvertAll(Bytes(tensors, expected.GetProperty("index_tensor").GetString()!), index => (int)index);
            BootstrapInterval bootstrap = BootstrapInterval.Of(differences, indices);
            double[] first = Numbers(expected, "first_means");
            Assert.Equal(expected.GetProperty("samples").GetInt32(), bootstrap.Means.Length);
            AssertClose(first, bootstrap.Means.AsSpan(0, first.Length), $"{name}: means");
            AssertClose(Number(expected, "mean"), bootstrap.Mean, $"{name}: mean");
            AssertClose(Number(expected, "sd"), bootstrap.Deviation, $"{name}: deviation");
            AssertClose(Number(expected, "share_not_positive"), bootstrap.ShareNotPositive, $"{name}: share");
            AssertInterval(expected.GetProperty("ci95_percentile"), bootstrap.Percentiles(0.95), $"{name}: 95 %");
            AssertInterval(expected.GetProperty("ci90_percentile"), bootstrap.Percentiles(0.9), $"{name}: 90 %");
            AssertInterval(expected.GetProperty("a_ci95"), BootstrapInterval.Of(Numbers(golden, "a"), indices).Percentiles(0.95), $"{name}: of a");
        });
    }

    private static void ForEachCase(Action<string, JsonElement, double[]> compare)
    {
        MetricsGolden.Path("statistics", "significance.json"); // skips where there is none
        Assert.NotEmpty(Cases);
        foreach (JsonElement golden in Cases)
        {
            double[] differences = [.. Numbers(golden, "a").Zip(Numbers(golden, "b"), (a, b) => a - b)];
            compare(golden.GetProperty("name").GetString()!, golden, differences);
        }
    }

    private static void AssertInterval(JsonElement expected, (double Low, double High) actual, string what) =>
        AssertClose([.. expected.EnumerateArray().Select(Number)], [actual.Low, actual.High], what);

    private static unsafe byte[] Bytes(Golden tensors, string name)
    {
        Tensor tensor = tensors.Tensor(name);
        return new ReadOnlySpan<byte>(tensor.Data, (int)tensor.LengthBytes).ToArray();
    }
}
