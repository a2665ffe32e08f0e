using System.Diagnostics;
using System.Globalization;
using MiniLM.Training;
using MiniLM.Training.Records;

namespace MiniLM.Cli.Train;

/// <summary>A training on stderr: a line of where it is, and what was measured.</summary>
internal sealed class TrainingReport
{
    private const double SecondsBetweenLines = 10;

    private readonly Session _session;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private double _said = -SecondsBetweenLines;
    private readonly string _output;
    private readonly Trainer _trainer;

    internal TrainingReport(Trainer trainer, string output, Session session)
    {
        (_session, _output, _trainer) = (session, output, trainer);
        trainer.StepDone += Say;
        trainer.Logged += Say;
        trainer.Saved += path => session.Detail($"saved {path}");
    }

    private void Say(TrainingProgress step)
    {
        bool isLast = step.Step == step.TotalSteps;
        double seconds = _clock.Elapsed.TotalSeconds;
        if (!isLast && seconds - _said < SecondsBetweenLines) { return; }
        _said = seconds;
        _session.Say(string.Create(CultureInfo.InvariantCulture, $"step {step.Step}/{step.TotalSteps}, epoch {step.Epoch:0.00}: loss {step.Loss:0.0000}, "
            + $"lr {step.LearningRate:0.##e0}, norm {step.GradientNorm:0.00}, {step.TokensPerSecond:N0} tokens/s{(isLast ? "" : $", {step.Left}")}"));
    }

    private void Say(LogEntry entry)
    {
        KeyValuePair<string, double>[] measured = [.. entry.Values.Where(value => value.Key.StartsWith("eval_", StringComparison.Ordinal)
            && value.Key is not ("eval_runtime" or "eval_samples_per_second" or "eval_steps_per_second"))];
        if (measured.Length == 0) { return; }
        _session.Say(string.Create(CultureInfo.InvariantCulture, $"epoch {entry.Epoch:0.00}, step {entry.Step}: ")
            + string.Join(", ", measured.Select(value => string.Create(CultureInfo.InvariantCulture, $"{value.Key["eval_".Length..]} {value.Value:0.0000}"))));
    }

    internal void SayStopped() => _session.Say(Checkpoint.In(_output) is [.., (_, string last)]
        ? $"stopped; {last} is complete: go on with --resume-from-checkpoint" : "stopped before the first step");

    internal void SayResult(TrainingResult result)
    {
        foreach ((string name, double value) in result.Metrics.Where(metric => metric.Key.StartsWith("test_", StringComparison.Ordinal)))
        {
            _session.Say(string.Create(CultureInfo.InvariantCulture, $"{name} {value:0.0000}"));
        }
        _session.Say(string.Create(CultureInfo.InvariantCulture, $"{_trainer.History.Tokens:N0} tokens in {_trainer.History.Seconds:0} s; packed, so that "
            + $"{100 * _trainer.History.PaddingSaved:0} % of padding were not computed"));
        _session.Say(string.Create(CultureInfo.InvariantCulture, $"{result.OutputDir}: {result.Steps} steps, mean loss {result.TrainLoss:0.0000}"
            + $"{(result.BestStep is { } best ? $", the model of step {best}" : "")}"));
    }
}
