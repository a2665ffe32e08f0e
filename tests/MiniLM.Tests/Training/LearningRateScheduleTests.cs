using System.Text.Json;
using MiniLM.Training;

namespace MiniLM.Tests.Training;

public sealed class LearningRateScheduleTests
{
    [Fact]
    public void EveryRate_IsTheGoldens()
    {
        JsonElement[] lists = TrainingJson.Read("schedules.json").Cases("lr_lists");
        foreach (JsonElement list in lists)
        {
            int total = list.Integer("total");
            LearningRateSchedule schedule = new(LearningRateSchedule.Names[list.Text("name")], list.Number("base_lr"), total, list.Number("warmup_arg"));
            Assert.Equal(list.Integer("warmup_steps"), schedule.WarmupSteps);
            double[] expected = [.. list.GetProperty("lr").Numbers(), list.Number("lr_after_last_step")];
            Assert.Equal(total + 1, expected.Length);
            for (int step = 0; step <= total; step++)
            {
                double rate = schedule.At(step), error = Math.Abs(rate - expected[step]);
                Assert.True(error <= 1e-15 * expected[step], $"{list.Text("name")} of {total}, step {step}: {rate}, not {expected[step]}");
            }
        }
    }

    [Fact]
    public void WarmupSteps_AreRoundedAsTheGoldensAre()
    {
        foreach (JsonElement row in TrainingJson.Read("schedules.json").Cases("warmup_rounding"))
        {
            LearningRateSchedule schedule = new(ScheduleKind.Linear, 1, row[1].GetInt32(), row[0].GetDouble());
            Assert.Equal(row[2].GetInt32(), schedule.WarmupSteps);
        }
    }

    [Fact]
    public void ScheduledRates_ByHand()
    {
        Assert.Equal([3, 3, 3], Rates(ScheduleKind.Constant, 2, 0, 1, 4));
        Assert.Equal([0, 1.5, 3, 3], Rates(ScheduleKind.ConstantWithWarmup, 2, 0, 1, 2, 9));
        Assert.Equal([0, 1.5, 3, 2.25, .75, 0, 0], Rates(ScheduleKind.Linear, 2, 0, 1, 2, 3, 5, 6, 7));
        Assert.Equal([3, 2.5, .5, 0], Rates(ScheduleKind.Linear, 0, 0, 1, 5, 6));
        double[] cosine = Rates(ScheduleKind.Cosine, 2, 1, 2, 3, 4, 6);
        Assert.Equal([1.5, 3], cosine[..2]);
        Assert.Equal(3 * .5 * (1 + Math.Sqrt(.5)), cosine[2], 1e-15);
        Assert.Equal(1.5, cosine[3], 1e-15);
        Assert.Equal(0, cosine[4]);
        Assert.Equal([0, .5, 2.5, 0], Rates(ScheduleKind.Linear, 6, 0, 1, 5, 6)); // warm-up as long as the run
    }

    private static double[] Rates(ScheduleKind kind, double warmup, params int[] steps) =>
        [.. steps.Select(new LearningRateSchedule(kind, 3, 6, warmup).At)];

    // Whoever writes 0.07 x 100 in double has 7.000000000000001.
    [Theory]
    [InlineData(.07, 100, 8)]
    [InlineData(.1, 97, 10)]
    [InlineData(.999, 10, 10)]
    [InlineData(1, 10, 1)]
    [InlineData(0, 10, 0)]
    [InlineData(25, 10, 25)]
    public void Warmup_IsAShareBelowOneAndACountFromOne(double warmup, int total, int expected) =>
        Assert.Equal(expected, new LearningRateSchedule(ScheduleKind.Cosine, 1, total, warmup).WarmupSteps);

    [Theory]
    [InlineData(1, 10, -.1)]
    [InlineData(1, 10, 1.5)]
    [InlineData(1, 10, double.NaN)]
    [InlineData(1, 10, 3e9)]
    [InlineData(1, -1, 0)]
    [InlineData(-1, 10, 0)]
    [InlineData(double.NaN, 10, 0)]
    [InlineData(double.PositiveInfinity, 10, 0)]
    public void Settings_ThatMeanNothing_AreRefused(double rate, int total, double warmup) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new LearningRateSchedule(ScheduleKind.Linear, rate, total, warmup));

    [Fact]
    public void ARateOfZero_AndARunOfNoSteps_AreAllowed() => Assert.Equal(0, new LearningRateSchedule(ScheduleKind.Linear, 0, 0, 0).At(0));
}
