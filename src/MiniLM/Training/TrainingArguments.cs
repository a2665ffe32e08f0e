namespace MiniLM.Training;

/// <summary>What a run goes by: names and defaults of transformers 5.</summary>
internal sealed record TrainingArguments
{
    /// <summary>Passes over the data; a part of the last one may be left out.</summary>
    internal double NumTrainEpochs { get; init; } = 3;

    /// <summary>Steps of the run, whatever the epochs; null: as many as these have.</summary>
    internal int? MaxSteps { get; init; }

    /// <summary>Micro-batches of a step.</summary>
    internal int GradientAccumulationSteps { get; init; } = 1;

    internal double LearningRate { get; init; } = 5e-5;

    internal ScheduleKind LrSchedulerType { get; init; } = ScheduleKind.Linear;

    /// <summary>A share of the steps where below 1.</summary>
    internal double WarmupSteps { get; init; }

    internal double WeightDecay { get; init; }

    internal double AdamBeta1 { get; init; } = .9;

    internal double AdamBeta2 { get; init; } = .999;

    internal double AdamEpsilon { get; init; } = 1e-8;

    /// <summary>Null: gradients are not cut.</summary>
    internal double? MaxGradNorm { get; init; } = 1;

    /// <summary>Of the order of the data and of dropout.</summary>
    internal ulong Seed { get; init; } = 42;

    /// <summary>Steps of a run.</summary>
    /// <param name="batches">Micro-batches of an epoch.</param>
    internal int TotalSteps(int batches) =>
        MaxSteps ?? checked((int)Math.Ceiling(NumTrainEpochs * GradientAccumulations.StepsPerEpoch(batches, GradientAccumulationSteps)));
}
