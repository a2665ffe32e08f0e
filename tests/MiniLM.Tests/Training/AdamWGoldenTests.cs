using System.Numerics;
using System.Text.Json;
using MiniLM.Training;

namespace MiniLM.Tests.Training;

/// <summary>The optimiser against PyTorch's, step by step. The cases of SGD, which is not there, are passed over by their optimiser's name.</summary>
public sealed class AdamWGoldenTests
{
    /// <summary>A parameter with its moments, and how often it was updated.</summary>
    private sealed record Trained<T>(string Name, T[] Values, T[] First, T[] Second, T[]? Gradients)
    {
        internal int Updates { get; set; }

        internal ReadOnlySpan<T> Gradient(int step) => Gradients.AsSpan(step * Values.Length, Values.Length);
    }

    [Fact]
    public void EveryCase_InDouble() => RunAll<double>(test => 1e-10);

    [Fact]
    public void EveryCase_InFloat() => RunAll<float>(test => test.Number("tol_abs"));

    private static void RunAll<T>(Func<JsonElement, double> tolerance) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        JsonElement json = TrainingJson.Read("optim.json");
        using Golden golden = new(SharedFolder.Require("golden", "training", "optim.safetensors"));
        JsonElement[] tests = [.. json.Cases("cases").Where(test => test.Text("optimizer") == "AdamW")];
        Assert.NotEmpty(tests);
        foreach (JsonElement test in tests) { Run<T>(json, golden, test, tolerance(test)); }
    }

    private static void Run<T>(JsonElement json, Golden golden, JsonElement test, double tolerance) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        string[] names = [.. golden.Names.Where(name => name.StartsWith("p0.", StringComparison.Ordinal)).Select(name => name[3..])];
        Trained<T>[] parameters = [.. names.Select(name => Parameter<T>(golden, name))];
        Assert.NotEmpty(parameters);
        HashSet<int> kept = [.. json.GetProperty("kept_steps").Integers()];
        JsonElement schedule = test.GetProperty("schedule");
        for (int step = 0; step < json.Integer("steps"); step++)
        {
            Trained<T>[] moved = [.. parameters.Where(parameter => HasGradient(json, parameter.Name, step))];
            StepOptions options = Options(test, step);
            double norm = Norm(moved, step);
            if (!test.IsNull("clip")) { Close(test.GetProperty("grad_norm_before_clip")[step].GetDouble(), norm, 1e-6 * norm, "norm"); }
            if (schedule.ValueKind != JsonValueKind.Null) { Close(Scheduled(test, schedule, step), options.LearningRate, 1e-17, "learning rate"); }
            foreach (Trained<T> parameter in moved) { Update(json, parameter, options, step, options.GradientFactor(norm)); }
            if (!kept.Contains(step + 1)) { continue; }
            foreach (Trained<T> parameter in parameters)
            {
                Compare(golden, $"{test.Text("name")}.step{step + 1}.{parameter.Name}", parameter.Values, tolerance);
            }
        }
        CompareMoments(golden, test, parameters);
    }

    private static Trained<T> Parameter<T>(Golden golden, string name) where T : INumberBase<T>
    {
        T[] values = Array.ConvertAll(golden.Doubles($"p0.{name}"), T.CreateChecked);
        string gradients = $"grads.{name}";
        return new Trained<T>(name, values, new T[values.Length], new T[values.Length],
            golden.Has(gradients) ? Array.ConvertAll(golden.Doubles(gradients), T.CreateChecked) : null);
    }

    private static bool HasGradient(JsonElement json, string name, int step) =>
        !json.GetProperty("grad_is_none").TryGetProperty(name, out JsonElement absent) || !absent.Integers().Contains(step);

    private static StepOptions Options(JsonElement test, int step)
    {
        JsonElement args = test.GetProperty("args");
        double[] betas = args.GetProperty("betas").Numbers();
        return new StepOptions(test.GetProperty("lr_at_step")[step].GetDouble(), test.Number("weight_decay"), test.IsNull("clip") ? null : test.Number("clip"))
        {
            Beta1 = betas[0],
            Beta2 = betas[1],
            Epsilon = args.Number("eps"),
        };
    }

    private static double Scheduled(JsonElement test, JsonElement schedule, int step)
    {
        ScheduleKind kind = LearningRateSchedule.Names[schedule.Text("name")];
        return new LearningRateSchedule(kind, test.GetProperty("args").Number("lr"), schedule.Integer("total"), schedule.Number("warmup")).At(step);
    }

    private static double Norm<T>(Trained<T>[] parameters, int step) where T : IBinaryFloatingPointIeee754<T>
    {
        double squares = 0;
        foreach (Trained<T> parameter in parameters)
        {
            foreach (T value in parameter.Gradient(step)) { squares += Math.Pow(double.CreateChecked(value), 2); }
        }
        return Math.Sqrt(squares);
    }

    private static void Update<T>(JsonElement json, Trained<T> parameter, StepOptions options, int step, double factor)
        where T : IBinaryFloatingPointIeee754<T>
    {
        bool decays = new TrainingOptions().Decays(parameter.Name);
        Assert.NotEqual(json.GetProperty("no_decay").EnumerateArray().Any(name => name.GetString() == parameter.Name), decays);
        AdamW.Coefficients<T> by = AdamW.For<T>(options, ++parameter.Updates, decays, factor);
        AdamW.Update(by, parameter.Values, parameter.Gradient(step), parameter.First, parameter.Second);
    }

    // The golden has no tolerance for moments: their gradients are up to some hundreds, so the largest is what an error is measured by.
    private static void CompareMoments<T>(Golden golden, JsonElement test, Trained<T>[] parameters) where T : IBinaryFloatingPointIeee754<T>
    {
        double tolerance = typeof(T) == typeof(double) ? 1e-10 : 1e-5;
        int compared = 0;
        foreach (Trained<T> parameter in parameters.Where(parameter => golden.Has($"{test.Text("name")}.exp_avg.{parameter.Name}")))
        {
            GoldenCase.Relative<T>(golden.Doubles($"{test.Text("name")}.exp_avg.{parameter.Name}"), parameter.First, tolerance, parameter.Name);
            GoldenCase.Relative<T>(golden.Doubles($"{test.Text("name")}.exp_avg_sq.{parameter.Name}"), parameter.Second, tolerance, parameter.Name);
            compared++;
        }
        Assert.True(compared > 0);
    }

    private static void Compare<T>(Golden golden, string what, T[] actual, double tolerance) where T : IBinaryFloatingPointIeee754<T>
    {
        double[] expected = golden.Doubles(what);
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) { Close(expected[i], double.CreateChecked(actual[i]), tolerance, $"{what}[{i}]"); }
    }

    private static void Close(double expected, double actual, double tolerance, string what) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"{what}: {actual}, not {expected} within {tolerance}");

    [Fact]
    public void Clipping_IsTheGoldens()
    {
        using Golden golden = new(SharedFolder.Require("golden", "training", "optim.safetensors"));
        foreach (JsonElement test in TrainingJson.Read("optim.json").Cases("clip_cases"))
        {
            bool isInline = test.TryGetProperty("in", out JsonElement inline);
            string prefix = test.Text("name") + ".in.";
            (double[] In, double[] Out)[] gradients = isInline
                ? [(inline.Numbers(), test.GetProperty("out").Numbers())]
                : [.. golden.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
                    .Select(name => (golden.Doubles(name), golden.Doubles($"{test.Text("name")}.out.{name[prefix.Length..]}")))];
            Assert.NotEmpty(gradients);
            double norm = Math.Sqrt(gradients.Sum(gradient => gradient.In.Sum(value => value * value)));
            Close(test.Number("total_norm"), norm, 1e-12 * norm, test.Text("name"));
            double factor = new StepOptions(0, MaxGradientNorm: test.Number("max_norm")).GradientFactor(norm);
            Close(test.Number("coefficient"), factor, 1e-12, test.Text("name"));
            foreach ((double[] before, double[] after) in gradients)
            {
                GoldenCase.Relative<double>(after, Array.ConvertAll(before, value => value * factor), 1e-10, test.Text("name"));
            }
        }
    }

    [Fact]
    public void WhatDecays_IsTheGoldens()
    {
        JsonElement groups = TrainingJson.Read("optim.json").GetProperty("bert_groups");
        TrainingOptions trained = new();
        Assert.All(groups.Cases("decay"), name => Assert.True(trained.Decays(name.GetString()!), name.GetString()));
        Assert.All(groups.Cases("no_decay"), name => Assert.False(trained.Decays(name.GetString()!), name.GetString()));
    }

    [Theory]
    [InlineData(4, 1.0, 1, .25)]
    [InlineData(4, 8.0, 1, 1)] // is not made longer
    [InlineData(4, null, 1, 1)]
    [InlineData(4, 1.0, 4, .0625)]
    [InlineData(4, null, 4, .25)]
    public void GradientFactor_CutsAndUnscales(double norm, double? longest, double lossScale, double expected) =>
        Assert.Equal(expected, new StepOptions(0, MaxGradientNorm: longest, LossScale: lossScale).GradientFactor(norm - 1e-6), 1e-15);

    [Fact]
    public void Options_ByDefaultCutTo1_AndHaveTorchsBetas()
    {
        StepOptions options = new(1);
        Assert.Equal((0, 1, 1, .9, .999, 1e-8),
            (options.WeightDecay, options.MaxGradientNorm, options.LossScale, options.Beta1, options.Beta2, options.Epsilon));
        Assert.Equal(.999999000001, options.GradientFactor(1), 1e-15); // a norm that may just be is cut, as in PyTorch
    }

    // By hand: two updates of one value, beta1 = beta2 = 1/2, eps = 1.
    [Fact]
    public void TwoUpdates_ByHand()
    {
        StepOptions options = new(LearningRate: .5, WeightDecay: .5) { Beta1 = .5, Beta2 = .5, Epsilon = 1 };
        double[] value = [8], first = [0], second = [0];
        AdamW.Update(AdamW.For<double>(options, 1, decays: true, gradientFactor: 2), value, [2], first, second);
        // g = 4, m = 2, v = 8; 8 (1 - 1/4) - 1/2 / (1/2) 2 / (sqrt 8 / sqrt(1/2) + 1) = 6 - 2/5
        Assert.Equal((5.6, 2, 8), (Math.Round(value[0], 14), first[0], second[0]));
        AdamW.Update(AdamW.For<double>(options, 2, decays: false, gradientFactor: 1), value, [-2], first, second);
        // m = 0, v = 6: without a first moment and without decay nothing moves
        Assert.Equal((5.6, 0, 6), (Math.Round(value[0], 14), first[0], second[0]));
    }

    // Vectors and what is left of them: each value moves as it does alone.
    [Fact]
    public void ManyValues_MoveAsEachDoesAlone()
    {
        StepOptions options = new(LearningRate: .01, WeightDecay: .1);
        AdamW.Coefficients<float> by = AdamW.For<float>(options, 3, decays: true, gradientFactor: .5);
        for (int count = 0; count <= 2 * Vector<float>.Count + 1; count++)
        {
            Random random = new(count);
            float[] values = Draw(), gradients = Draw(), first = Draw(), second = Draw();
            float[][] alone = [[.. values], [.. first], [.. second]];
            for (int i = 0; i < count; i++)
            {
                AdamW.Update(by, alone[0].AsSpan(i, 1), gradients.AsSpan(i, 1), alone[1].AsSpan(i, 1), alone[2].AsSpan(i, 1));
            }
            AdamW.Update(by, values, gradients, first, second);
            Assert.Equal(alone, [values, first, second]);

            float[] Draw() => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle())];
        }
    }
}
