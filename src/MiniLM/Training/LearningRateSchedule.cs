namespace MiniLM.Training;

/// <summary>How the learning rate goes after its warm-up.</summary>
public enum ScheduleKind
{
    /// <summary>Always the base rate: there is no warm-up either.</summary>
    Constant,

    /// <summary>The base rate.</summary>
    ConstantWithWarmup,

    /// <summary>Down to 0 along a straight line.</summary>
    Linear,

    /// <summary>Down to 0 along half a cosine.</summary>
    Cosine,
}

/// <summary>The learning rate of every step, as transformers' <c>get_scheduler</c> has it, in its order of operations.</summary>
/// <remarks>
/// Warm-up is base x step / warm-up steps, steps from 0: the first step moves nothing, and counts. The schedule goes by steps that were taken, so a run whose
/// loss scale overflowed ends before the schedule does.
/// </remarks>
internal sealed record LearningRateSchedule
{
    /// <summary>Kinds by their names in transformers.</summary>
    internal static readonly IReadOnlyDictionary<string, ScheduleKind> Names = new Dictionary<string, ScheduleKind>(StringComparer.Ordinal)
    {
        ["constant"] = ScheduleKind.Constant,
        ["constant_with_warmup"] = ScheduleKind.ConstantWithWarmup,
        ["linear"] = ScheduleKind.Linear,
        ["cosine"] = ScheduleKind.Cosine,
    };

    private readonly ScheduleKind _kind;
    private readonly double _baseRate;
    private readonly int _totalSteps;

    /// <param name="kind">How it goes.</param>
    /// <param name="baseRate">The rate after warm-up.</param>
    /// <param name="totalSteps">Of the run.</param>
    /// <param name="warmup">Below 1 a share of the steps, rounded up in double as transformers does; else a number of steps, which may exceed the run.</param>
    /// <exception cref="ArgumentOutOfRangeException">A rate, a number of steps or a warm-up that there is not.</exception>
    internal LearningRateSchedule(ScheduleKind kind, double baseRate, int totalSteps, double warmup)
    {
        if (!double.IsFinite(baseRate) || baseRate < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(baseRate), $"a learning rate of {baseRate}: a finite number, 0 or more");
        }
        if (warmup is not (>= 0 and <= int.MaxValue) || (warmup > 1 && !double.IsInteger(warmup)))
        {
            throw new ArgumentOutOfRangeException(nameof(warmup), $"a warm-up of {warmup}: a share of the steps below 1, or a whole number of steps");
        }
        ArgumentOutOfRangeException.ThrowIfNegative(totalSteps);
        (_kind, _baseRate, _totalSteps) = (kind, baseRate, totalSteps);
        WarmupSteps = (int)(warmup < 1 ? Math.Ceiling(totalSteps * warmup) : warmup);
    }

    /// <summary>Without effect on <see cref="ScheduleKind.Constant"/>.</summary>
    internal int WarmupSteps { get; }

    /// <summary>The learning rate of a step.</summary>
    /// <param name="step">How many were taken before it.</param>
    internal double At(int step) => _baseRate * Factor(step);

    private double Factor(int step)
    {
        if (_kind == ScheduleKind.Constant) { return 1; }
        if (step < WarmupSteps) { return step / (double)WarmupSteps; }
        double remaining = Math.Max(1, _totalSteps - WarmupSteps);
        return _kind switch
        {
            ScheduleKind.Linear => Math.Max(0, (_totalSteps - step) / remaining),
            ScheduleKind.Cosine => Math.Max(0, .5 * (1 + Math.Cos(Math.PI * ((step - WarmupSteps) / remaining)))),
            _ => 1,
        };
    }
}
