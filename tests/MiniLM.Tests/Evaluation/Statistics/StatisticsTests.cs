using MiniLM.Evaluation.Statistics;

namespace MiniLM.Tests.Evaluation.Statistics;

/// <summary>Values that can be had by hand or from a table.</summary>
public sealed class StatisticsTests
{
    [Theory]
    [InlineData(0, 3, 1)]
    [InlineData(1, 1, 0.5)] // Cauchy: 1 - 2 atan(t) / pi
    [InlineData(-1, 1, 0.5)]
    [InlineData(1.4142135623730951, 2, 0.29289321881345254)] // 1 - t / sqrt(2 + t^2)
    [InlineData(double.PositiveInfinity, 5, 0)]
    [InlineData(1e200, 5, 0)] // whose square is infinite
    [InlineData(double.NaN, 5, double.NaN)]
    [InlineData(1, 0, double.NaN)]
    public void StudentT_HasItsClosedForms(double t, int df, double p) => Assert.Equal(p, StudentT.TwoSided(t, df), 1e-14);

    [Theory]
    [InlineData(0.05, 10, 2.22813885199)] // the tables' 2.228
    [InlineData(0.05, 1, 12.706204736174698)] // tan(0.475 pi)
    [InlineData(0.5, 1, 1)]
    public void Quantile_IsTheTables(double p, int df, double t) => Assert.Equal(t, StudentT.Quantile(p, df), 1e-11);

    [Fact]
    public void Quantile_WithoutDegreesOfFreedom_IsNaN() => Assert.True(double.IsNaN(StudentT.Quantile(0.05, 0)));

    [Theory]
    [InlineData(0.25, 1, 1, 0.25)] // uniform
    [InlineData(0.75, 1, 1, 0.75)]
    [InlineData(0.5, 2, 3, 0.6875)] // P(X >= 2) of 4 throws
    [InlineData(0.2, 2, 3, 0.1808)]
    [InlineData(0, 2, 3, 0)]
    [InlineData(1, 2, 3, 1)]
    public void IncompleteBeta_HasItsClosedForms(double x, double a, double b, double value) =>
        Assert.Equal(value, IncompleteBeta.Regularized(x, 1 - x, a, b), 1e-13);

    [Fact]
    public void IncompleteBeta_KeepsTheDigitsOfASmallTail() =>
        Assert.Equal(2.199851504751908e-13, IncompleteBeta.Regularized(1e-5, 1 - 1e-5, 3, 10), 1e-25); // P(X >= 3) of 12 throws with 1e-5

    [Fact]
    public void PairedTTest_ByHand()
    {
        PairedTTest test = PairedTTest.Of([1, 2, 3]);
        Assert.Equal(2, test.MeanDifference);
        Assert.Equal(1, test.Deviation);
        Assert.Equal(2 * Math.Sqrt(3), test.T, 1e-14);
        Assert.Equal(2, test.DegreesOfFreedom);
        Assert.Equal(1 - test.T / Math.Sqrt(2 + test.T * test.T), test.P, 1e-14);
        (double low, double high) = test.Interval(0.95);
        Assert.Equal(2 - 4.30265272974946 / Math.Sqrt(3), low, 1e-12);
        Assert.Equal(2 + 4.30265272974946 / Math.Sqrt(3), high, 1e-12);
        (low, high) = PairedTTest.Of([2, 4, 6]).Interval(0.95);
        Assert.Equal(4 - 2 * 4.30265272974946 / Math.Sqrt(3), low, 1e-12); // of twice the deviation
        Assert.Equal(4 + 2 * 4.30265272974946 / Math.Sqrt(3), high, 1e-12);
    }

    [Theory]
    [InlineData(double.NaN, double.NaN, 0.0, 0.0, 0.0)]
    [InlineData(double.PositiveInfinity, 0, 0.1, 0.1, 0.1)] // though the mean of three 0.1 is not 0.1
    [InlineData(double.NegativeInfinity, 0, -0.1, -0.1, -0.1)]
    [InlineData(double.NaN, double.NaN, 0.3)]
    public void PairedTTest_OfConstants(double t, double p, params double[] differences)
    {
        PairedTTest test = PairedTTest.Of(differences);
        Assert.Equal(t, test.T);
        Assert.Equal(p, test.P);
    }

    [Theory]
    [InlineData(4, 1, 0, 0.375)] // 2 (1 + 5) / 32
    [InlineData(1, 4, 2, 0.375)]
    [InlineData(2, 2, 1, 1)]
    [InlineData(5, 0, 0, 0.0625)]
    [InlineData(0, 0, 3, 1)]
    public void SignTest_ByHand(int plus, int minus, int zero, double p)
    {
        double[] differences = [.. Enumerable.Repeat(0.5, plus), .. Enumerable.Repeat(-2.0, minus), .. Enumerable.Repeat(0.0, zero)];
        SignTest test = SignTest.Of(differences);
        Assert.Equal((plus, minus, zero), (test.Plus, test.Minus, test.Zero));
        Assert.Equal(p, test.P, 1e-14);
    }

    [Fact]
    public void WilcoxonTest_ByHand()
    {
        // Ranks of 1, 2, 2, 3 are 1, 2.5, 2.5, 4: W- = 2.5; variance 4*5*9/24 - 6/48 = 7.375.
        WilcoxonTest test = WilcoxonTest.Of([1, 0, 2, -2, 3]);
        Assert.Equal(2.5, test.Statistic);
        Assert.Equal(0.3572725, test.P, 1e-6); // z = -2.5 / sqrt(7.375) = -0.920575
        Assert.Equal(0, WilcoxonTest.Of([1, 2, 3]).Statistic);
        Assert.True(double.IsNaN(WilcoxonTest.Of([0, 0]).P));
    }

    [Fact]
    public void AverageRanks_ShareTies()
    {
        Assert.Equal([4, 1.5, 3, 1.5], AverageRanks.Of([9, -1, 5, -1], out double ties));
        Assert.Equal(6, ties);
        Assert.Equal([2, 2, 2], AverageRanks.Of([7, 7, 7], out ties));
        Assert.Equal(24, ties);
        Assert.Empty(AverageRanks.Of([]));
    }

    [Fact]
    public void RandomizationTest_LooksAtAllSwapsOfFewPairs()
    {
        // |±1 ±2 ±3| >= 4: +-(1, 2, 3), +-(-1, 2, 3).
        RandomizationTest test = RandomizationTest.Of([[-1, 2, 3]], samples: 5, seed: 1)[0];
        Assert.Equal(new RandomizationTest(8, 4, IsExact: true), test);
        Assert.Equal(0.5, test.P);
        Assert.True(RandomizationTest.Of([new double[12]], 5, 1)[0].IsExact);
        Assert.False(RandomizationTest.Of([new double[13]], 5, 1)[0].IsExact);
    }

    [Fact]
    public void RandomizationTest_TakesSumsWithinRoundingForAsExtreme()
    {
        Assert.Equal(4, RandomizationTest.Of([[0.5e-12, 0.5e-12]], 5, 1)[0].AtLeastAsExtreme); // 0 is 1e-12 below
        Assert.Equal(2, RandomizationTest.Of([[2e-12, 0.50025e-12]], 5, 1)[0].AtLeastAsExtreme); // 1.0005e-12 below is less
    }

    [Fact]
    public void RandomizationTest_TakesGivenSwaps()
    {
        RandomizationTest test = RandomizationTest.Of([1, 1, 1], [0, 0, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1]);
        Assert.Equal(new RandomizationTest(4, 2, IsExact: false), test);
        Assert.Equal(0.5, test.Share);
        Assert.Equal(0.6, test.P);
    }

    [Fact]
    public void RandomizationTest_OfASeed_RepeatsAndComesNearTheExactShare()
    {
        double[] differences = [.. Enumerable.Range(0, 13).Select(i => i % 3 - 0.5)];
        RandomizationTest test = RandomizationTest.Of([differences], 4000, seed: 3)[0];
        Assert.Equal(test, RandomizationTest.Of([differences], 4000, seed: 3)[0]);
        Assert.Equal(4000, test.Assignments);
        int exact = Enumerable.Range(0, 1 << 13).Count(swaps =>
            Math.Abs(differences.Select((d, i) => (swaps >> i & 1) != 0 ? -d : d).Sum()) >= Math.Abs(differences.Sum()) - 1e-12);
        Assert.Equal(exact / 8192.0, test.P, 0.03);
    }

    [Fact]
    public void RandomizationTest_LooksAtTheToken() => Assert.Throws<OperationCanceledException>(() =>
        RandomizationTest.Of([new double[20]], 10, 1, cancellation: new CancellationToken(canceled: true)));

    [Fact]
    public void BootstrapInterval_TakesGivenIndices()
    {
        BootstrapInterval bootstrap = BootstrapInterval.Of([1, 3, -5], [0, 0, 0, 1, 1, 1, 0, 1, 2, 2, 2, 2, 0, 2, 2]);
        Assert.Equal([1, 3, -1.0 / 3, -5, -3], bootstrap.Means);
        Assert.Equal((1 + 3 - 1.0 / 3 - 8) / 5, bootstrap.Mean, 1e-15);
        Assert.Equal(0.6, bootstrap.ShareNotPositive);
        Assert.Equal(0.5, BootstrapInterval.Of([1, -1], [0, 1, 0, 0]).ShareNotPositive); // a mean of 0
        Assert.Equal(-1.0 / 3, bootstrap.Percentile(0.5));
        Assert.Equal(-4, bootstrap.Percentile(0.125));
        Assert.Equal(3, bootstrap.Percentile(1));
        Assert.Equal((-4, 2), bootstrap.Percentiles(0.75));
        Assert.Equal(Deviations.Sample([1, 3, -1.0 / 3, -5, -3]), bootstrap.Deviation);
    }

    [Fact]
    public void BootstrapInterval_OfASeed_DrawsEveryValueAndRepeats()
    {
        double[] values = [0, 1, 10];
        BootstrapInterval bootstrap = BootstrapInterval.Of([values], 3000, seed: 5)[0];
        Assert.Equal(bootstrap.Means, BootstrapInterval.Of([values], 3000, seed: 5)[0].Means);
        Assert.NotEqual(bootstrap.Means, BootstrapInterval.Of([values], 3000, seed: 6)[0].Means);
        Assert.Equal(3000, bootstrap.Means.Length);
        Assert.Equal(11 / 3.0, bootstrap.Mean, 0.2);
        Assert.Equal(0, bootstrap.Means.Min());
        Assert.Equal(10, bootstrap.Means.Max());
        Assert.Throws<OperationCanceledException>(() => BootstrapInterval.Of([values], 10, 1, cancellation: new CancellationToken(canceled: true)));
    }

    [Fact]
    public void MeasuresThatAreResampledTogether_AreResampledAsAlone()
    {
        // More than a block of measures, of more queries than a block of a pairwise sum.
        Random random = new(6);
        double[][] measures = [.. Enumerable.Range(0, 19).Select(_ => Enumerable.Range(0, 300).Select(_ => random.NextDouble() - 0.45).ToArray())];
        List<int> randomized = [], drawn = [];
        RandomizationTest[] tests = RandomizationTest.Of(measures, 50, 7, randomized.Add);
        BootstrapInterval[] intervals = BootstrapInterval.Of(measures, 50, 7, drawn.Add);
        Assert.Equal(measures.Length, intervals.Length);
        for (int measure = 0; measure < measures.Length; measure++)
        {
            Assert.Equal(RandomizationTest.Of([measures[measure]], 50, 7)[0], tests[measure]);
            Assert.Equal(BootstrapInterval.Of([measures[measure]], 50, 7)[0].Means, intervals[measure].Means);
        }
        Assert.True(tests.Distinct().Count() > 3);
        // By hand, of the last one: the samples of the seed.
        SplitMix64 swaps = new(7), places = new(7);
        double[] last = measures[^1];
        int extreme = Enumerable.Range(0, 50).Count(_ =>
            Math.Abs(last.Select(difference => swaps.Next(2) != 0 ? -difference : difference).ToArray().Sum()) >= Math.Abs(last.Sum()));
        Assert.Equal(new RandomizationTest(50, extreme, IsExact: false), tests[^1]);
        Assert.Equal(Enumerable.Range(0, 50).Select(_ => PairwiseSum.Mean([.. last.Select(_ => last[places.Next(last.Length)])])), intervals[^1].Means);
        Assert.Equal(19, randomized[^1]);
        Assert.Equal(randomized, drawn);
        Assert.Empty(RandomizationTest.Of([], 50, 7));
        Assert.Empty(BootstrapInterval.Of([], 50, 7));
    }

    [Fact]
    public void SplitMix64_IsThePublishedOne()
    {
        SplitMix64 random = new(1234567); // the reference implementation's first numbers for this seed
        Assert.Equal([6457827717110365317, 3203168211198807973, 9817491932198370423], new[] { random.Next(), random.Next(), random.Next() });
        Assert.All(Enumerable.Range(0, 100), _ => Assert.InRange(random.Next(3), 0, 2));
    }

    [Fact]
    public void HolmCorrection_StepsDown()
    {
        Assert.Equal([0.03, 0.06, 0.06, 0.02], HolmCorrection.Adjust([0.01, 0.04, 0.03, 0.005]), (a, b) => Math.Abs(a - b) < 1e-15);
        Assert.Equal([1, 1, double.NaN], HolmCorrection.Adjust([0.6, 0.9, double.NaN]));
        Assert.Equal([0.04], HolmCorrection.Adjust([0.04]));
        Assert.Empty(HolmCorrection.Adjust([]));
    }

    [Fact]
    public void Correlations_ByHand()
    {
        double[] x = [1, 2, 3, 4], y = [1, 3, 2, 4];
        Assert.Equal(0.8, Correlation.Pearson(x, y), 1e-15);
        Assert.Equal(0.8, Correlation.Spearman(x, [10, 300, 20, 4000]), 1e-15);
        Assert.Equal(2 / 3.0, Correlation.KendallTauB(x, y), 1e-15); // 5 concordant, 1 discordant
        Assert.Equal(0.2, Correlation.P(0.8, 4), 1e-14); // df = 2: 1 - |r|
        Assert.Equal(0, Correlation.P(1, 4));
        Assert.True(double.IsNaN(Correlation.P(1, 2)));
        Assert.True(double.IsNaN(Correlation.Pearson(x, [0.1, 0.1, 0.1, 0.1])));
        Assert.True(double.IsNaN(Correlation.Pearson([], [])));
    }

    [Fact]
    public void Pearson_OfTheGreatestAndLeastNumbersThereAre_IsThatOfTheirShape()
    {
        foreach (double scale in new[] { double.MaxValue / 4, 1, 1e-300 })
        {
            Assert.Equal(-1, Correlation.Pearson([.5, .6], [4 * scale, -4 * scale]), 1e-15);
            Assert.Equal(Correlation.Pearson([1, 2, 4, 3], [1, 3, 2, 4]), Correlation.Pearson([1, 2, 4, 3], [scale, 3 * scale, 2 * scale, 4 * scale]), 1e-15);
        }
        Assert.Equal(-1, Correlation.Pearson([double.MaxValue, double.MinValue, double.MaxValue], [-1, 1, -1]), 1e-15);
    }

    [Fact]
    public void Pearson_DoesNotCancelAtALargeOffset() =>
        Assert.Equal(1, Correlation.Pearson([1, 2, 4], [1e9 + 1, 1e9 + 2, 1e9 + 4]), 1e-12);

    [Fact]
    public void KendallTauB_IsTheCountOfPairs()
    {
        Random random = new(5);
        for (int n = 2; n < 30; n++)
        {
            double[] x = [.. Enumerable.Range(0, n).Select(_ => (double)random.Next(6))], y = [.. Enumerable.Range(0, n).Select(_ => (double)random.Next(4))];
            double sum = 0, untiedX = 0, untiedY = 0;
            for (int i = 0; i < n; i++)
            {
                for (int j = 0; j < i; j++)
                {
                    (int signX, int signY) = (Math.Sign(x[i] - x[j]), Math.Sign(y[i] - y[j]));
                    (sum, untiedX, untiedY) = (sum + signX * signY, untiedX + Math.Abs(signX), untiedY + Math.Abs(signY));
                }
            }
            Assert.Equal(sum / Math.Sqrt(untiedX) / Math.Sqrt(untiedY), Correlation.KendallTauB(x, y), 1e-14);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(17)]
    [InlineData(128)]
    [InlineData(129)]
    [InlineData(1000)]
    public void PairwiseSum_AddsEveryValueOnce(int count) =>
        Assert.Equal(count * (count + 1) / 2.0, PairwiseSum.Of([.. Enumerable.Range(1, count).Select(i => (double)i)]));

    [Fact]
    public void PairwiseSum_AddsInNumpysOrder()
    {
        // Eight partial sums: 1e16 and -1e16 meet in the first, and each 1 stays.
        double[] values = new double[16];
        Array.Fill(values, 1);
        (values[0], values[8]) = (1e16, -1e16);
        Assert.Equal(14, PairwiseSum.Of(values));
        Assert.Equal(0, PairwiseSum.Of([1e16, 1, -1e16])); // few values: one after the other
    }

    // By the order of numpy's pairwise sum: of more than 128 values the halves apart, the first of a multiple of 8.
    [Theory]
    [InlineData(128, 0, 64, 119)]
    [InlineData(129, 0, 64, 112)]
    [InlineData(200, 0, 88, 188)]
    [InlineData(200, 0, 96, 174)]
    [InlineData(200, 96, 192, 187)]
    public void PairwiseSum_HalvesWhereNumpyDoes(int count, int large, int opposite, double sum)
    {
        // Both meet in one partial sum, and cost no digits of others, only where they are in one half.
        double[] values = [.. Enumerable.Repeat(1.0, count)];
        for (int i = large; i < opposite; i += 8) { values[i] = 0; }
        (values[large], values[opposite]) = (1e16, -1e16);
        Assert.Equal(sum, PairwiseSum.Of(values));
    }
}
