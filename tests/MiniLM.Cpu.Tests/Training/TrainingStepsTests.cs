using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Training;
using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Embeddings;
using MiniLM.Training.Sampling;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>A run of steps: counts of epochs and micro-batches, going on bit for bit, and what stops it.</summary>
public sealed class TrainingStepsTests : IDisposable
{
    private static readonly string[] Words = ["wing", "heat", "air", "stream", "lift", "shock", "wave", "speed", "layer"];

    private readonly ModelFolder _folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
    private readonly CpuDevice _device = new(2);
    private readonly TokenizedRows _tokens;

    public TrainingStepsTests()
    {
        using TokenizedRowsWriter writer = new(LoadedModel.OpenTokenizer(_folder), 32, Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString()));
        for (int row = 0; row < 11; row++)
        {
            writer.Add($"{Words[row % 9]} of {Words[row * 2 % 9]}");
            writer.Add($"{Words[row * 5 % 9]} {Words[(row + 3) % 9]} in {Words[row * 7 % 9]}");
            writer.EndRow();
        }
        _tokens = writer.Complete();
    }

    private TrainingNetwork Load(Network? network = null, Precision precision = Precision.Float32, Device? device = null) =>
        (device ?? _device).LoadForTraining((network ?? _folder.Network).WithDropout(.1f), precision, new TrainingOptions());

    private TrainingSteps Start(TrainingNetwork network, TrainingArguments arguments, TrainingPosition? state = null,
        Precision precision = Precision.Float32) => new(
        network, [new BiEncoderObjective(network, new MultipleNegativesRankingLoss(), new TrainingRows(_tokens), arguments.Seed)],
        new ShuffledBatchSampler(_tokens.Count, 3, dropLast: false), arguments, precision, state);

    private static List<TrainingStep> Run(TrainingSteps trainer, int most = int.MaxValue)
    {
        List<TrainingStep> steps = [];
        while (steps.Count < most && trainer.TryStep(out TrainingStep step)) { steps.Add(step); }
        return steps;
    }

    private static float[][] Weights(TrainingNetwork network) =>
        [.. network.Parameters.Parameters.Select(parameter => network.Parameters[parameter].ToArray())];

    // 11 rows in batches of 3 are 4 micro-batches: 2 steps of 3 and 1, or 2 of 2 and 2.
    [Theory]
    [InlineData(1, 1, 4), InlineData(3, 1, 2), InlineData(2, 1, 2), InlineData(3, 2, 4), InlineData(1, .3, 2), InlineData(1, 2.5, 10)]
    public void ARun_HasTheStepsOfItsEpochs(int accumulation, double epochs, int expected)
    {
        using TrainingNetwork network = Load();
        TrainingSteps trainer = Start(network, new TrainingArguments { GradientAccumulationSteps = accumulation, NumTrainEpochs = epochs, WarmupSteps = .25 });
        List<TrainingStep> steps = Run(trainer);
        Assert.Equal(expected, trainer.TotalSteps);
        Assert.Equal(Enumerable.Range(1, expected), steps.Select(step => step.Number));
        Assert.All(steps, step => Assert.True(step.IsTaken && step.Loss > 0 && step.GradientNorm > 0));
        Assert.Equal(0, steps[0].LearningRate); // warm-up begins with 0
        if (epochs == 1) { Assert.Equal(_tokens.Tokens, steps.Sum(step => step.Tokens)); }
    }

    // 4 micro-batches an epoch, 3 a step: the second step of an epoch has one.
    [Fact]
    public void AnEpoch_EndsWithItsLastBatch()
    {
        using TrainingNetwork network = Load();
        TrainingSteps trainer = Start(network, new TrainingArguments { GradientAccumulationSteps = 3, MaxSteps = 3, NumTrainEpochs = 1 });
        List<(double, bool)> places = [(trainer.Epoch, trainer.IsAtEpochEnd)];
        while (trainer.TryStep(out _)) { places.Add((trainer.Epoch, trainer.IsAtEpochEnd)); }
        Assert.Equal([(0, false), (.75, false), (1, true), (1.75, true)], places); // the run's end is one too
        Assert.Equal(2.5, trainer.EpochOf(new SamplerState(0, 2, 2)));
        Assert.Equal(3, trainer.EpochOf(new SamplerState(0, 2, 9)));
    }

    [Fact]
    public void AStep_IsTheMeanOfItsMicroBatches()
    {
        TrainingArguments arguments = new() { GradientAccumulationSteps = 3, MaxSteps = 1 };
        using TrainingNetwork network = Load(), byHand = Load();
        BiEncoderObjective objective = new(byHand, new MultipleNegativesRankingLoss(), new TrainingRows(_tokens), arguments.Seed);
        double loss = 0;
        int tokens = 0;
        foreach (RowBatch batch in new ShuffledBatchSampler(_tokens.Count, 3, dropLast: false).Epoch(new Permutations(arguments.Seed, 0).Next).Take(3))
        {
            loss += objective.Add(new MicroBatch(batch.Rows, 0, tokens), 1.0 / 3) / 3;
            tokens += objective.Tokens(batch.Rows);
        }
        Assert.True(Start(network, arguments).TryStep(out TrainingStep step));
        Assert.Equal(loss, step.Loss, 1e-9);
        Assert.Equal(tokens, step.Tokens);
        Tiers.Close(byHand.Step(new StepOptions(0, 0)).GradientNorm, step.GradientNorm, 1e-6 * step.GradientNorm, "norm");
    }

    [Fact]
    public void EveryFiftiethStep_LooksAtItsOutputsSpread()
    {
        using TrainingNetwork network = Load();
        List<TrainingStep> steps = Run(Start(network, new TrainingArguments { MaxSteps = 101 }));
        Assert.Equal([50, 100], steps.Where(step => step.Spread is > 0 and < 1).Select(step => step.Number));
        Assert.Equal(99, steps.Count(step => step.Spread is null));
    }

    [Fact]
    public void MaxSteps_GoesBeforeEpochs()
    {
        using TrainingNetwork network = Load();
        Assert.Equal(7, Run(Start(network, new TrainingArguments { MaxSteps = 7, NumTrainEpochs = 1 })).Count);
    }

    public static TheoryData<Precision> Precisions() => [Precision.Float32, Precision.BFloat16, Precision.Float16];

    // In the middle of an epoch, and on another number of threads.
    [Theory, MemberData(nameof(Precisions))]
    public void ARunThatGoesOn_EndsInTheSameBits(Precision precision)
    {
        TrainingArguments arguments = new() { NumTrainEpochs = 3, WarmupSteps = 2, WeightDecay = .01, LearningRate = 1e-3 };
        using TrainingNetwork whole = Load(precision: precision);
        List<TrainingStep> expected = Run(Start(whole, arguments, precision: precision));
        foreach (int at in new[] { 1, 4, 6 })
        {
            using TrainingNetwork first = Load(precision: precision);
            TrainingSteps begun = Start(first, arguments, precision: precision);
            List<TrainingStep> steps = Run(begun, at);
            using CpuDevice three = new(3);
            using TrainingNetwork second = Load(first.Parameters.Network, precision, three);
            foreach ((Parameter from, Parameter to) in first.Parameters.Parameters.Zip(second.Parameters.Parameters))
            {
                float[] moment = new float[from.Count];
                foreach (OptimizerState state in Enum.GetValues<OptimizerState>())
                {
                    first.ReadState(from, state, moment);
                    second.WriteState(to, state, moment);
                }
            }
            second.Steps = first.Steps;
            steps.AddRange(Run(Start(second, arguments, begun.State, precision)));
            // A list is equal to itself alone.
            Assert.Equal(expected.SelectMany(step => step.Losses), steps.SelectMany(step => step.Losses));
            Assert.Equal(expected.Select(step => step with { Losses = [] }), steps.Select(step => step with { Losses = [] }));
            Assert.Equal(Weights(whole), Weights(second));
        }
    }

    [Fact]
    public void Float16_LowersItsScaleUntilGradientsAreFinite()
    {
        using TrainingNetwork network = Load(precision: Precision.Float16);
        TrainingPosition state = new(0, new SamplerState(42, 0, 0), new LossScalerState(float.MaxValue / 4, 0));
        TrainingArguments arguments = new() { MaxSteps = 200, LearningRate = 1e-3, LrSchedulerType = ScheduleKind.Constant };
        TrainingSteps trainer = Start(network, arguments, state, Precision.Float16);
        float[][] before = Weights(network);
        Assert.True(trainer.TryStep(out TrainingStep step));
        Assert.False(step.IsTaken);
        Assert.Equal(before, Weights(network));
        Assert.Equal(float.MaxValue / 8, trainer.State.Scaler!.Value.Scale);
        while (!step.IsTaken) { Assert.True(trainer.TryStep(out step)); }
        Assert.NotEqual(before, Weights(network));
        Assert.Equal((1, step.Number), (network.Steps, trainer.GlobalStep));
    }

    [Fact]
    public void ALossThatIsNotFinite_StopsNamingStepAndRows()
    {
        using TokenizedRowsWriter writer = new(LoadedModel.OpenTokenizer(_folder), 32, Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString()));
        writer.Add("wing");
        writer.Add("lift");
        writer.EndRow();
        using TokenizedRows tokens = writer.Complete();
        TrainingRows data = new(tokens) { Labels = [[double.NaN]] };
        using TrainingNetwork network = Load();
        float[][] before = Weights(network);
        LossDataException refused = Assert.Throws<LossDataException>(() => new BiEncoderObjective(network, new CosineSimilarityLoss(), data, 0));
        Assert.Contains("NaN", refused.Message);
        network.Parameters[network.Parameters.Parameters[0]].Fill(float.PositiveInfinity); // what a diverged run comes to
        NonFiniteLossException stopped = Assert.Throws<NonFiniteLossException>(() => Run(Start(network, new TrainingArguments())));
        Assert.StartsWith("step 1: the loss or its gradient is", stopped.Message);
        Assert.Contains("rows ", stopped.Message);
        Assert.Equal(before[1..], Weights(network)[1..]);
        string Message(int rows, int dataSets = 1) =>
            new NonFiniteLossException(3, double.NaN, new RowBatch(0, [.. Enumerable.Range(0, rows)]), dataSets).Message;
        Assert.StartsWith("step 3: the loss or its gradient is NaN; data set 1, rows 1. ", Message(1, dataSets: 2));
        Assert.StartsWith("step 3: the loss or its gradient is NaN; rows 1, 2, 3, 4, 5, 6, 7, 8. ", Message(8));
        Assert.StartsWith("step 3: the loss or its gradient is NaN; rows 1, 2, 3, 4, 5, 6, 7, 8 .... ", Message(9));
    }

    [Fact]
    public void AnEpochWithoutABatch_IsRefused()
    {
        using TrainingNetwork network = Load();
        TrainingArguments arguments = new() { MaxSteps = 2 };
        BiEncoderObjective objective = new(network, new MultipleNegativesRankingLoss(), new TrainingRows(_tokens), arguments.Seed);
        TrainingSteps steps = new(network, [objective], new ShuffledBatchSampler(_tokens.Count, _tokens.Count + 1, dropLast: true), arguments,
            Precision.Float32);
        Assert.Contains("an epoch has no batch", Assert.Throws<InvalidDataException>(() => steps.TryStep(out _)).Message);
    }

    public void Dispose()
    {
        _tokens.Dispose();
        _device.Dispose();
        _folder.Dispose();
    }
}
