using System.Text.Json;
using MiniLM.Training;

namespace MiniLM.Tests.Training;

public sealed class LossScalerTests
{
    // A trace has all its rows, or those where something happened; the schedule is that of the Hugging Face loop, which a skipped step does not move.
    [Fact]
    public void Traces_AreTheGoldens()
    {
        foreach (JsonElement trace in TrainingJson.Read("grad_scaler.json").Cases("traces"))
        {
            int steps = trace.Integer("steps");
            HashSet<int> overflows = [.. trace.GetProperty("inf_steps").Integers()];
            LossScaler scaler = new((float)trace.Number("init_scale"), trace.Number("growth_factor"), trace.Number("backoff_factor"),
                trace.Integer("growth_interval"));
            Assert.Equal("linear, warmup 5, total = steps, base 1.0", trace.Text("lr_schedule"));
            LearningRateSchedule schedule = new(ScheduleKind.Linear, 1, steps, 5);
            double[][] rows = new double[steps][];
            int taken = 0;
            for (int step = 0; step < steps; step++)
            {
                bool isTaken = !overflows.Contains(step);
                double rate = schedule.At(taken), before = scaler.State.Scale;
                scaler.Update(isTaken);
                rows[step] = [step, before, isTaken ? 0 : 1, isTaken ? 0 : 1, scaler.State.Scale, scaler.State.GoodSteps, rate];
                if (isTaken) { taken++; }
            }
            bool isWhole = trace.TryGetProperty("rows", out JsonElement expected);
            if (!isWhole) { expected = trace.GetProperty("rows_where_scale_changed_or_skipped"); }
            double[][] compared = isWhole ? rows : [.. rows.Where(row => row[1] != row[4] || row[3] == 1)];
            Assert.NotEmpty(compared);
            Assert.Equal(expected.EnumerateArray().Select(row => row.Numbers()), compared);
            Assert.Equal(trace.GetProperty("final").Numbers(), rows[^1]);
            Assert.Equal(trace.Integer("skipped_total"), steps - taken);
        }
    }

    [Fact]
    public void Growth_StopsAtTheGoldensCeiling()
    {
        JsonElement golden = TrainingJson.Read("grad_scaler.json").GetProperty("growth_ceiling_log2_scale");
        LossScaler scaler = new(MathF.ScaleB(1, golden.Integer("init")), 2, .5, growthInterval: 1);
        foreach (double expected in golden.GetProperty("after_steps").Numbers())
        {
            scaler.Update(isTaken: true);
            Assert.Equal(expected, Math.Log2(scaler.State.Scale));
        }
    }

    [Fact]
    public void Scale_GrowsAfterGoodStepsInARow_AndShrinksAtOnce()
    {
        LossScaler scaler = new(8, growthFactor: 4, backoffFactor: .25, growthInterval: 2);
        Assert.Equal(new LossScalerState(8, 0), scaler.State);
        LossScalerState[] states = [.. new[] { true, false, true, true, true, true }.Select(isTaken => { scaler.Update(isTaken); return scaler.State; })];
        Assert.Equal([new(8, 1), new(2, 0), new(2, 1), new(8, 0), new(8, 1), new(32, 0)], states);
    }

    [Fact]
    public void Scale_NeverBecomesInfinite_AndItsCountBeginsAnew()
    {
        LossScaler scaler = new(float.MaxValue, 2, .5, growthInterval: 2);
        scaler.Update(true);
        scaler.Update(true);
        Assert.Equal(new LossScalerState(float.MaxValue, 0), scaler.State);
    }

    [Fact]
    public void Defaults_AreTorchs()
    {
        LossScaler scaler = new();
        for (int step = 0; step < 1999; step++) { scaler.Update(true); }
        Assert.Equal(new LossScalerState(65536, 1999), scaler.State);
        scaler.Update(true);
        Assert.Equal(new LossScalerState(131072, 0), scaler.State);
        scaler.Update(false);
        Assert.Equal(new LossScalerState(65536, 0), scaler.State);
    }

    [Fact]
    public void AStateThatIsWritten_GoesOnAsTheOneItWasReadFrom()
    {
        LossScaler first = new(8, 2, .5, growthInterval: 3), second = new(8, 2, .5, growthInterval: 3);
        first.Update(false);
        first.Update(true);
        second.State = first.State;
        for (int step = 0; step < 10; step++)
        {
            first.Update(step != 5);
            second.Update(step != 5);
            Assert.Equal(first.State, second.State);
        }
    }

    [Fact]
    public void Settings_ThatMeanNothing_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new LossScaler(0, 2, .5, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LossScaler(1, 1, .5, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LossScaler(1, 2, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LossScaler(1, 2, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LossScaler(1, 2, .5, 0));
    }
}
