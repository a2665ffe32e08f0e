using MiniLM.Model;
using MiniLM.Ranking;
using MiniLM.Tests.Weights;

namespace MiniLM.Tests.Ranking;

public sealed class CalibrationTests
{
    private static readonly double[] Raw = [-2, -1.5, -1, -0.5, 0, 0.25, 0.5, 1, 1.5, 3];
    private static readonly bool[] Labels = [false, false, true, false, false, true, false, true, true, true];

    /// <summary>scikit-learn 1.2.1 on these rows: _SigmoidCalibration, whose solver stops earlier, and IsotonicRegression(out_of_bounds="clip").</summary>
    [Fact]
    public void Fits_AreScikitLearns()
    {
        double[] at = [-3, -0.75, 0.3, 2];
        PlattCalibration platt = PlattCalibration.Fit(Raw, Labels);
        Assert.Equal((-0.7058416526, 0.0643251976), (platt.A, platt.B), (a, b) => Math.Abs(a.Item1 - b.Item1) < 1e-6 && Math.Abs(a.Item2 - b.Item2) < 1e-6);
        Assert.Equal([0.1013922325, 0.3557848782, 0.5367902130, 0.7936973755], Array.ConvertAll(at, platt.Apply), (a, b) => Math.Abs(a - b) < 1e-6);
        IsotonicCalibration isotonic = IsotonicCalibration.Fit(Raw, Labels);
        Assert.Equal([-2, -1.5, -1, 0, 0.25, 0.5, 1, 3], isotonic.X);
        Assert.Equal([0, 0, 1 / 3.0, 1 / 3.0, 0.5, 0.5, 1, 1], isotonic.Y);
        Assert.Equal([0, 1 / 3.0, 0.5, 1], Array.ConvertAll(at, isotonic.Apply));
    }

    /// <summary>At the optimum the smoothed targets and the probabilities have the same sum, and the same sum weighted by the scores.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(1000, -7)]
    [InlineData(0.001, 50)]
    [InlineData(-1, 0)]
    public void Platt_ReachesTheOptimum(double scale, double offset)
    {
        double[] raw = Array.ConvertAll(Raw, score => scale * score + offset);
        PlattCalibration platt = PlattCalibration.Fit(raw, Labels);
        double[] residuals = [.. raw.Zip(Labels, (score, label) => (label ? 6 / 7.0 : 1 / 7.0) - platt.Apply(score))];
        Assert.Equal(0, residuals.Sum(), 1e-9);
        Assert.Equal(0, residuals.Zip(raw, (residual, score) => residual * score / scale).Sum(), 1e-9 * Math.Max(1, Math.Abs(offset / scale)));
        Assert.Equal(scale > 0, platt.A < 0);
    }

    [Fact]
    public void Platt_SmoothsTargetsByTheirNumbers()
    {
        // Equal scores: the probability is the mean target, (3 * 4/5 + 1/3) / 4.
        PlattCalibration platt = PlattCalibration.Fit([2, 2, 2, 2], [true, true, true, false]);
        Assert.Equal((3 * 0.8 + 1 / 3.0) / 4, platt.Apply(2), 1e-9);
        // Separated scores have a finite optimum.
        Assert.Equal(2 / 3.0, PlattCalibration.Fit([-1, 1], [false, true]).Apply(1), 1e-9);
        Assert.Equal(1 / (1 + Math.Exp(3)), new PlattCalibration(1, 2).Apply(1), 1e-15);
    }

    [Fact]
    public void Temperature_ReachesTheOptimum()
    {
        TemperatureCalibration fitted = TemperatureCalibration.Fit(Raw, Labels);
        Assert.Equal(0, Raw.Zip(Labels, (score, label) => (fitted.Apply(score) - (label ? 1 : 0)) * score).Sum(), 1e-12);
        Assert.Equal(1 / (1 + Math.Exp(-0.5)), new TemperatureCalibration(2).Apply(1), 1e-15);
        // Separated scores: as low as a derivative can be told from 0, or as the range goes.
        Assert.InRange(TemperatureCalibration.Fit([-1, 1], [false, true]).Temperature, Math.Exp(-10), 0.01);
        Assert.Equal(Math.Exp(-10), TemperatureCalibration.Fit([-1e-6, 1e-6], [false, true]).Temperature, 1e-15);
        Assert.Equal(Math.Exp(10), TemperatureCalibration.Fit([1, -1], [false, true]).Temperature, 1e-6); // the wrong way round
    }

    [Theory]
    [InlineData("platt")]
    [InlineData("temperature")]
    public void Fits_LookAtTheToken(string method) =>
        Assert.Throws<OperationCanceledException>(() => Calibration.Fit(method, Raw, Labels, new CancellationToken(canceled: true)));

    [Fact]
    public void Isotonic_PoolsViolators()
    {
        // By score 0 1 | 0 0 1: the 1 at -1 pools with the 0s behind it.
        IsotonicCalibration fitted = IsotonicCalibration.Fit([3, -1, 0, 1, -2], [true, true, false, false, false]);
        Assert.Equal([-2, -1, 1, 3], fitted.X);
        Assert.Equal([0, 1 / 3.0, 1 / 3.0, 1], fitted.Y);
        Assert.Equal([0, 0, 1 / 6.0, 1 / 3.0, 1 / 3.0, 2 / 3.0, 1, 1], Array.ConvertAll(new[] { -9, -2, -1.5, -1, 0, 2, 3, 9 }, fitted.Apply),
            (a, b) => Math.Abs(a - b) < 1e-15);
    }

    [Fact]
    public void Isotonic_AveragesRowsOfOneScore()
    {
        IsotonicCalibration fitted = IsotonicCalibration.Fit([1, 1, 1, 0, 2], [true, false, false, false, true]);
        Assert.Equal([0, 1, 2], fitted.X);
        Assert.Equal([0, 1 / 3.0, 1], fitted.Y);
        // A point of three rows weighs three.
        fitted = IsotonicCalibration.Fit([1, 1, 1, 2], [true, true, false, false]);
        Assert.Equal([1, 2], fitted.X);
        Assert.Equal([0.5, 0.5], fitted.Y);
        Assert.Equal([5], IsotonicCalibration.Fit([5, 5], [true, false]).X);
    }

    [Fact]
    public void Isotonic_IsTheBestOfAllMonotoneFunctions()
    {
        Random random = new(11);
        for (int round = 0; round < 40; round++)
        {
            double[] raw = [.. Enumerable.Range(0, 8).Select(i => (double)i)];
            bool[] labels = [.. raw.Select(_ => random.Next(2) == 0)];
            IsotonicCalibration fitted = IsotonicCalibration.Fit(raw, labels);
            double Loss(Func<double, double> of) => raw.Zip(labels, (score, label) => Math.Pow(of(score) - (label ? 1 : 0), 2)).Sum();
            // max over starts of min over ends of the mean: the other definition.
            double Mean(int from, int to) => labels[from..(to + 1)].Average(label => label ? 1.0 : 0);
            double Best(double score) => Enumerable.Range(0, (int)score + 1)
                .Max(from => Enumerable.Range((int)score, 8 - (int)score).Min(to => Mean(from, to)));
            Assert.Equal(Loss(Best), Loss(fitted.Apply), 1e-12);
            Assert.All(raw, score => Assert.Equal(Best(score), fitted.Apply(score), 1e-12));
        }
    }

    [Fact]
    public void Scalings_AreScikitLearns()
    {
        MinMaxCalibration range = MinMaxCalibration.Fit([2, 4, 3]);
        Assert.Equal([0, 0, 0.5, 1, 1], Array.ConvertAll(new double[] { 1, 2, 3, 4, 5 }, range.Apply));
        Assert.Equal([0, 0, 1], Array.ConvertAll(new double[] { 1, 2, 3 }, MinMaxCalibration.Fit([2, 2]).Apply));
        ZScoreCalibration standard = ZScoreCalibration.Fit([0, 4]);
        Assert.Equal((2, 2, 1.5), (standard.Mean, standard.Deviation, standard.Apply(5)));
        Assert.Equal(1, ZScoreCalibration.Fit([0.1, 0.1, 0.1]).Deviation);
        Assert.False(standard.IsProbability);
        Assert.True(range.IsProbability);
        Assert.Equal(1 / (1 + Math.Exp(-3)), new SigmoidCalibration().Apply(3), 1e-15);
    }

    [Fact]
    public void Reliability_PutsEdgesIntoTheBinBelow()
    {
        CalibrationError.Bin[] bins = CalibrationError.Reliability([0, 0.1, 0.15, 0.95, 1], [false, true, true, true, false]);
        Assert.Equal(10, bins.Length);
        Assert.Equal(new CalibrationError.Bin(0, 0.1, 2, 0.05, 0.5), bins[0]);
        Assert.Equal(new CalibrationError.Bin(0.1, 0.2, 1, 0.15, 1), bins[1]);
        Assert.Equal((0.9, 1, 2, 0.975, 0.5), (bins[9].Low, bins[9].High, bins[9].Rows, bins[9].MeanProbability, bins[9].PositiveShare));
        Assert.Equal(0, bins[5].Rows);
        Assert.Equal((2 * 0.45 + 0.85 + 2 * 0.475) / 5, CalibrationError.Expected(bins), 1e-15);
    }

    [Theory]
    [MemberData(nameof(AllMethods))]
    public void File_ReadsBackWhatItWrote(string method)
    {
        using TemporaryFolder folder = new();
        using ModelFolder model = ModelFolder.Open(folder.Copy(FixtureFolder.Path("models", "bert_prefix")));
        Calibration fitted = Calibration.Fit(method, Raw, Labels);
        Assert.Equal(method, fitted.Method);
        new CalibrationFile(fitted, 10, 0.25, double.NaN).Write(model, overwrite: false);
        Calibration read = CalibrationFile.Read(model);
        Assert.Equal(method, read.Method);
        Assert.All(new[] { -9, -1.2, 0.1, 2.5, 9 }, raw => Assert.Equal(fitted.Apply(raw), read.Apply(raw)));
        Assert.Throws<IOException>(() => new CalibrationFile(fitted, 10, 0, 0).Write(model, overwrite: false));
        new CalibrationFile(fitted, 10, 0, 0).Write(model, overwrite: true);
        Assert.Equal(["calibration.json"], Directory.EnumerateFiles(model.Path, "calibration*").Select(Path.GetFileName));
    }

    public static TheoryData<string> AllMethods() => [.. Calibration.Methods];

    [Theory]
    [InlineData("{}", "format is not minilm-calibration")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{\"format\":\"minilm-calibration\",\"version\":2}", "version 2, this program reads 1")]
    public void File_RefusesAnotherFormat(string json, string message) => AssertRefused(json, message);

    [Theory]
    [InlineData("\"method\":\"plat\"", "method is 'plat', not one of platt, isotonic")]
    [InlineData("\"method\":\"platt\",\"parameters\":{\"a\":1}", "has no 'b'")]
    [InlineData("\"method\":\"platt\",\"parameters\":{\"a\":1,\"b\":1e999}", "b is '1e999', expected a finite number")]
    [InlineData("\"method\":\"temperature\",\"parameters\":{\"temperature\":0}", "expected a number above 0")]
    [InlineData("\"method\":\"zscore\",\"parameters\":{\"mean\":0,\"deviation\":0}", "expected a number above 0")]
    [InlineData("\"method\":\"isotonic\",\"parameters\":{\"x\":[1],\"y\":[]}", "x and y are no non-decreasing function")]
    [InlineData("\"method\":\"isotonic\",\"parameters\":{\"x\":[],\"y\":[]}", "x and y are no non-decreasing function")]
    [InlineData("\"method\":\"isotonic\",\"parameters\":{\"x\":[1,1],\"y\":[0,1]}", "x and y are no non-decreasing function")]
    [InlineData("\"method\":\"isotonic\",\"parameters\":{\"x\":[1,2],\"y\":[1,0]}", "x and y are no non-decreasing function")]
    [InlineData("\"method\":\"isotonic\",\"parameters\":{\"x\":[1],\"y\":[\"0\"]}", "expected a list of finite numbers")]
    [InlineData("\"method\":\"isotonic\",\"parameters\":{\"x\":[1]}", "has no 'y'")]
    public void File_RefusesByName(string members, string message) =>
        AssertRefused($"{{\"format\":\"minilm-calibration\",\"version\":1,{members}}}", message);

    private static void AssertRefused(string json, string message)
    {
        using TemporaryFolder folder = new();
        string path = folder.Copy(FixtureFolder.Path("models", "bert_prefix"));
        File.WriteAllText(Path.Combine(path, "calibration.json"), json);
        using ModelFolder model = ModelFolder.Open(path);
        string error = Assert.Throws<ModelFormatException>(() => CalibrationFile.Read(model)).Message;
        Assert.Contains(message, error);
        Assert.StartsWith($"{path}/calibration.json: ", error);
    }
}
