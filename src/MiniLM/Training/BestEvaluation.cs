using MiniLM.Training.Records;

namespace MiniLM.Training;

/// <summary>Which evaluation of a run is the best by the metric asked for, and whether it is worth waiting for a better one.</summary>
/// <param name="arguments">Of the run.</param>
/// <param name="schedule">With the metric.</param>
/// <param name="history">Holds the best step and the patience spent, so that a resumed run knows both.</param>
internal sealed class BestEvaluation(TrainingArguments arguments, TrainingSchedule schedule, TrainingHistory history)
{
    /// <summary>Also of a run that had stopped before and is resumed.</summary>
    internal bool IsOutOfPatience => arguments.EarlyStoppingPatience is { } patience && history.Patience >= patience;

    /// <summary>The best of what was measured behind a step, kept or not: that is what patience waits to see surpassed. Null: it was never a number.</summary>
    internal double? Measured
    {
        get
        {
            double? best = null;
            foreach (LogEntry entry in history.Log.Where(entry => entry.Step > 0))
            {
                foreach ((string name, double value) in entry.Values)
                {
                    if (name == schedule.Metric && double.IsFinite(value) && (best is not { } past || schedule.IsBetter(value, past))) { best = value; }
                }
            }
            return best;
        }
    }

    /// <summary>Takes what was measured behind a step into account.</summary>
    /// <param name="value">Of the metric; not a number: the data leave it undefined, and it is no improvement.</param>
    /// <param name="former">The best measured before.</param>
    /// <param name="steps">Where the run is.</param>
    /// <returns>Whether it is the best that can be gone back to.</returns>
    internal bool Take(double value, double? former, TrainingSteps steps)
    {
        bool isImprovement = double.IsFinite(value)
            && (former is not { } past || (schedule.IsBetter(value, past) && Math.Abs(value - past) > arguments.EarlyStoppingThreshold));
        history.Patience = isImprovement ? 0 : history.Patience + 1;
        // What is to be loaded at the end must be kept: an evaluation between two saves is none to go back to.
        bool isKept = !arguments.LoadBestModelAtEnd || schedule.IsSaveDue(steps, isBest: true);
        bool isBest = isKept && double.IsFinite(value) && (history.BestMetric is not { } best || schedule.IsBetter(value, best));
        if (isBest) { (history.BestMetric, history.BestStep) = (value, steps.GlobalStep); }
        return isBest;
    }
}
