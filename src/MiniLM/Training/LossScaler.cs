namespace MiniLM.Training;

/// <summary>What a checkpoint keeps of a <see cref="LossScaler"/>.</summary>
/// <param name="Scale">What the next step's loss is multiplied by.</param>
/// <param name="GoodSteps">Steps taken in a row since the scale last changed or was to grow.</param>
internal readonly record struct LossScalerState(float Scale, int GoodSteps);

/// <summary>What the loss is multiplied by so that small gradients survive float16, by the rule of <c>torch.amp.GradScaler</c>.</summary>
/// <remarks>A step that was not taken counts as a step of the run, but moves neither the schedule nor Adam's bias correction.</remarks>
internal sealed class LossScaler
{
    private readonly double _growthFactor, _backoffFactor;
    private readonly int _growthInterval;

    /// <summary>With torch's settings.</summary>
    internal LossScaler() : this(initialScale: 65536, growthFactor: 2, backoffFactor: .5, growthInterval: 2000) { }

    /// <param name="initialScale">Above 0.</param>
    /// <param name="growthFactor">Of the scale after enough good steps, above 1.</param>
    /// <param name="backoffFactor">Of the scale after an overflow, between 0 and 1.</param>
    /// <param name="growthInterval">Good steps in a row that are enough.</param>
    internal LossScaler(float initialScale, double growthFactor, double backoffFactor, int growthInterval)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(initialScale);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(growthFactor, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(backoffFactor);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(backoffFactor, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(growthInterval);
        (_growthFactor, _backoffFactor, _growthInterval) = (growthFactor, backoffFactor, growthInterval);
        State = new LossScalerState(initialScale, 0);
    }

    internal LossScalerState State { get; set; }

    /// <summary>Goes by what became of a step.</summary>
    /// <param name="isTaken">See <see cref="StepResult.IsTaken"/>.</param>
    internal void Update(bool isTaken)
    {
        (float scale, int goodSteps) = (State.Scale, State.GoodSteps + 1);
        if (!isTaken) { State = new LossScalerState((float)(scale * _backoffFactor), 0); }
        else if (goodSteps < _growthInterval) { State = new LossScalerState(scale, goodSteps); }
        else
        {
            float grown = (float)(scale * _growthFactor);
            State = new LossScalerState(float.IsFinite(grown) ? grown : scale, 0);
        }
    }
}
