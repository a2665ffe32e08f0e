using System.Globalization;
using MiniLM.Training.Sampling;

namespace MiniLM.Training;

/// <summary>When a run logs, measures and saves, and which metric says what is best.</summary>
internal sealed class TrainingSchedule
{
    private readonly TrainingArguments _arguments;
    private readonly int _total, _loggingSteps, _evalSteps, _saveSteps;
    private readonly bool _greaterIsBetter;

    /// <param name="arguments">Of the run.</param>
    /// <param name="plan">What is measured.</param>
    /// <param name="sampler">Of the data.</param>
    /// <exception cref="ArgumentException">One line: arguments that do not go together, or a metric that nobody computes.</exception>
    internal TrainingSchedule(TrainingArguments arguments, EvaluationPlan plan, BatchSampler sampler)
    {
        _arguments = arguments;
        _total = arguments.TotalSteps(sampler.Count);
        _loggingSteps = Steps(arguments.LoggingSteps, _total);
        _evalSteps = Steps(arguments.EvalSteps ?? arguments.LoggingSteps, _total);
        _saveSteps = Steps(arguments.SaveSteps, _total);
        WarmupSteps = new LearningRateSchedule(arguments.LrSchedulerType, arguments.LearningRate, _total, arguments.WarmupSteps).WarmupSteps;
        Check(plan);
        bool needsMetric = arguments.LoadBestModelAtEnd || arguments.EarlyStoppingPatience is not null || arguments.SaveStrategy == IntervalStrategy.Best
            || arguments.MetricForBestModel is not null;
        if (needsMetric) { Metric = plan.Find(arguments.MetricForBestModel); }
        _greaterIsBetter = arguments.GreaterIsBetter ?? Metric?.EndsWith("loss", StringComparison.Ordinal) == false;
    }

    /// <summary>With <c>eval_</c>; null: nothing is asked for.</summary>
    internal string? Metric { get; }

    internal int WarmupSteps { get; }

    /// <summary>A warning when the learning rate is still rising where the run ends: of a long warm-up it has hardly left 0 then.</summary>
    internal TrainingWarning? LongWarmup => _arguments.LrSchedulerType == ScheduleKind.Constant || WarmupSteps < _total ? null
        : new("long-warm-up", string.Create(CultureInfo.InvariantCulture,
            $"warmup_steps {WarmupSteps}: the run has {_total} step(s), so that its learning rate never comes to {_arguments.LearningRate:0.##e0}. ")
            + "Lower it, give a share as in --warmup-steps .1, or train for more steps.");

    internal bool IsBetter(double value, double best) => _greaterIsBetter ? value > best : value < best;

    internal bool IsLogDue(TrainingSteps steps) => Is(_arguments.LoggingStrategy, _loggingSteps, steps)
        || (_arguments.LoggingFirstStep && steps.GlobalStep == 1);

    internal bool IsEvaluationDue(TrainingSteps steps) => Is(_arguments.EvalStrategy, _evalSteps, steps);

    // Where checkpoints go by steps the last step is one of them, as in transformers.
    internal bool IsSaveDue(TrainingSteps steps, bool isBest) => Is(_arguments.SaveStrategy, _saveSteps, steps)
        || (_arguments.SaveStrategy == IntervalStrategy.Steps && steps.GlobalStep == steps.TotalSteps)
            || (_arguments.SaveStrategy == IntervalStrategy.Best && isBest);

    private static bool Is(IntervalStrategy strategy, int every, TrainingSteps steps) => strategy switch
    {
        IntervalStrategy.Steps => steps.GlobalStep % every == 0,
        IntervalStrategy.Epoch => steps.IsAtEpochEnd,
        _ => false,
    };

    private static int Steps(double every, int total) => every < 1 ? Math.Max(1, (int)Math.Ceiling(every * total)) : (int)every;

    private void Check(EvaluationPlan plan)
    {
        bool evaluates = _arguments.EvalStrategy is not IntervalStrategy.No;
        if ((evaluates || _arguments.EvalOnStart) && plan.IsEmpty)
        {
            throw new ArgumentException($"{(evaluates ? "eval_strategy" : "eval_on_start")}: there is nothing to measure. Give data to evaluate on.");
        }
        if (_arguments.EarlyStoppingPatience is not null && !evaluates)
        {
            throw new ArgumentException("early_stopping_patience: nothing is measured on the way. Give eval_strategy steps or epoch.");
        }
        if (_arguments.SaveStrategy == IntervalStrategy.Best && !evaluates)
        {
            throw new ArgumentException("save_strategy best: nothing is measured on the way. Give eval_strategy steps or epoch.");
        }
        if (!_arguments.LoadBestModelAtEnd || _arguments.SaveStrategy == IntervalStrategy.Best) { return; }
        if (_arguments.SaveStrategy != _arguments.EvalStrategy || !evaluates)
        {
            throw new ArgumentException("load_best_model_at_end: eval_strategy and save_strategy must be the same, steps or epoch, so that what is "
                + "measured is kept.");
        }
        if (_arguments.SaveStrategy == IntervalStrategy.Steps && _saveSteps % _evalSteps != 0)
        {
            throw new ArgumentException($"load_best_model_at_end: save_steps {_saveSteps} is no multiple of eval_steps {_evalSteps}, so that what is "
                + "measured is not kept.");
        }
    }
}
