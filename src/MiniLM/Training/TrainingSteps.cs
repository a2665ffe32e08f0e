using MiniLM.Compute;
using MiniLM.Training.Sampling;

namespace MiniLM.Training;

/// <summary>Where a run is: with the network's weights, moments and <see cref="TrainingNetwork.Steps"/> all that it takes to go on bit for bit.</summary>
/// <param name="GlobalStep">Steps done, those that an overflow skipped included.</param>
/// <param name="Data">Where in the data.</param>
/// <param name="Scaler">The loss scale; null: there is none.</param>
internal readonly record struct TrainingPosition(int GlobalStep, SamplerState Data, LossScalerState? Scaler);

/// <summary>What a step did.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Loss">The mean of its micro-batches' losses, before the step.</param>
/// <param name="LearningRate">That moved the parameters.</param>
/// <param name="GradientNorm">Before gradients were cut.</param>
/// <param name="IsTaken">False: a gradient was not finite under the loss scale, and nothing moved.</param>
/// <param name="Tokens">Computed forward and backward.</param>
/// <param name="PaddedTokens">That padded batches would compute: each column of a micro-batch as long as its longest.</param>
/// <param name="Losses">Of each micro-batch, with its data set.</param>
/// <param name="Spread">How far the outputs of its last micro-batch are from one another without dropout (<see cref="Objective.Spread"/>); null: not looked
/// at.</param>
internal readonly record struct TrainingStep(int Number, double Loss, double LearningRate, double GradientNorm, bool IsTaken, long Tokens, long PaddedTokens,
    IReadOnlyList<(int DataSet, double Loss)> Losses, double? Spread);

/// <summary>A run of steps, one at a time: what is logged, evaluated or kept between them is the caller's matter.</summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class TrainingSteps
{
    // A forward pass of a micro-batch in so many steps: less than a hundredth of the time.
    private const int StepsBetweenProbes = 50;

    private readonly TrainingNetwork _network;
    private readonly IReadOnlyList<Objective> _objectives;
    private readonly TrainingArguments _arguments;
    private readonly LearningRateSchedule _schedule;
    private readonly LossScaler? _scaler;
    private readonly BatchSampler _sampler;
    private readonly BatchStream _batches;

    /// <param name="network">What is trained; its weights, moments and steps are those of <paramref name="state"/>.</param>
    /// <param name="objectives">Of each data set.</param>
    /// <param name="sampler">Of their rows.</param>
    /// <param name="arguments">What the run goes by.</param>
    /// <param name="precision">Of the network: float16 takes a loss scale.</param>
    /// <param name="state">Where the run is; null: at its beginning.</param>
    internal TrainingSteps(TrainingNetwork network, IReadOnlyList<Objective> objectives, BatchSampler sampler, TrainingArguments arguments, Precision precision,
        TrainingPosition? state = null)
    {
        (_network, _objectives, _sampler, _arguments) = (network, objectives, sampler, arguments);
        TotalSteps = arguments.TotalSteps(sampler.Count);
        _schedule = new LearningRateSchedule(arguments.LrSchedulerType, arguments.LearningRate, TotalSteps, arguments.WarmupSteps);
        if (precision == Precision.Float16) { _scaler = new LossScaler(); }
        if (state?.Scaler is { } scale && _scaler is not null) { _scaler.State = scale; }
        _batches = new BatchStream(sampler, state?.Data ?? new SamplerState(arguments.DataSeed ?? arguments.Seed, 0, 0));
        GlobalStep = state?.GlobalStep ?? 0;
    }

    internal int TotalSteps { get; }

    /// <summary>Steps done.</summary>
    internal int GlobalStep { get; private set; }

    /// <summary>Whether the epoch has no more batches, or the run no more steps.</summary>
    internal bool IsAtEpochEnd => GlobalStep >= TotalSteps || _batches.IsAtEpochEnd;

    /// <summary>Passes over the data done, with their fraction.</summary>
    internal double Epoch => EpochOf(_batches.State);

    /// <inheritdoc cref="Epoch"/>
    internal double EpochOf(SamplerState state) => state.Epoch + Math.Min(1, state.Batches / (double)Math.Max(1, _sampler.Count));

    internal TrainingPosition State => new(GlobalStep, _batches.State, _scaler?.State);

    /// <summary>The next step; false when the run is at its end.</summary>
    /// <param name="step">What it did.</param>
    /// <param name="cancellation">Looked at all along; after it gradients are undefined and <see cref="State"/> is no place to go on from.</param>
    /// <exception cref="NonFiniteLossException">A loss is NaN or infinite, where no loss scale explains it.</exception>
    internal bool TryStep(out TrainingStep step, CancellationToken cancellation = default)
    {
        step = default;
        if (GlobalStep >= TotalSteps) { return false; }
        List<RowBatch> batches = NextBatches();
        float scale = _scaler?.State.Scale ?? 1;
        double loss = 0;
        double? spread = null;
        List<(int DataSet, double Loss)> losses = new(batches.Count);
        long padded = 0;
        int tokens = 0;
        foreach (RowBatch batch in batches)
        {
            Objective objective = _objectives[batch.DataSet];
            double weight = 1.0 / batches.Count; // the mean of the means, as sentence-transformers' trainers have it, of a short last step too
            double mean = objective.Add(new MicroBatch(batch.Rows, (uint)GlobalStep, tokens), weight * scale, cancellation);
            if (!double.IsFinite(mean)) { throw new NonFiniteLossException(GlobalStep + 1, mean, batch, _objectives.Count); } // no loss scale explains that
            loss += mean * weight;
            losses.Add((batch.DataSet, mean));
            padded += objective.PaddedTokens(batch.Rows);
            tokens = checked(tokens + objective.Tokens(batch.Rows));
        }
        if ((GlobalStep + 1) % StepsBetweenProbes == 0) { spread = _objectives[batches[^1].DataSet].Spread(batches[^1].Rows, cancellation); }
        double rate = _schedule.At(_network.Steps);
        StepOptions options = new(rate, _arguments.WeightDecay, _arguments.MaxGradNorm, scale)
        {
            Beta1 = _arguments.AdamBeta1,
            Beta2 = _arguments.AdamBeta2,
            Epsilon = _arguments.AdamEpsilon,
        };
        StepResult result = _network.Step(options);
        foreach (Objective objective in _objectives) { objective.StepOwn(options, result.IsTaken); }
        _scaler?.Update(result.IsTaken);
        if (!result.IsTaken && _scaler is null) { throw new NonFiniteLossException(GlobalStep + 1, result.GradientNorm, batches[0], _objectives.Count); }
        step = new TrainingStep(++GlobalStep, loss, rate, result.GradientNorm, result.IsTaken, tokens, padded,
            losses, spread);
        return true;
    }

    // Those of a step; at an epoch's end it has fewer. That end is left by the step behind it: between the two it is there to be seen.
    private List<RowBatch> NextBatches()
    {
        List<RowBatch> batches = [];
        if (_batches.IsAtEpochEnd) { _batches.TryNext(out _); }
        while (batches.Count < _arguments.GradientAccumulationSteps && !_batches.IsAtEpochEnd)
        {
            _batches.TryNext(out RowBatch batch);
            batches.Add(batch);
        }
        return batches.Count > 0 ? batches : throw new InvalidDataException("an epoch has no batch: give more rows, or a smaller batch size");
    }
}

/// <summary>A loss or gradient that is NaN or infinite: the run stops, nothing of it is kept.</summary>
internal sealed class NonFiniteLossException(int step, double value, RowBatch batch, int dataSets) : ArithmeticException(
    $"step {step}: the loss or its gradient is {value}; {(dataSets > 1 ? $"data set {batch.DataSet + 1}, " : "")}"
    + $"rows {string.Join(", ", batch.Rows.Take(8).Select(row => row + 1))}{(batch.Rows.Length > 8 ? " ..." : "")}. "
    + "Lower the learning rate, or look at those rows.");
