using System.Globalization;

namespace MiniLM.Training;

/// <summary>Looks at the steps of a run for signs that it learns nothing, and says each once.</summary>
/// <param name="atChance">Each data set, and the loss there of a guess; a null is passed over.</param>
/// <param name="warmup">Steps in which the learning rate rises: a model that has not moved yet is no sign.</param>
internal sealed class TrainingWatch(IReadOnlyList<(string DataSet, double? Loss)> atChance, int warmup)
{
    /// <summary>Names of these warnings.</summary>
    internal static readonly string[] Names = ["constant-scores", "loss-at-chance", "exploding-norm", "no-gradient", "loss-scale"];

    private const int Window = 50, NormsBefore = 20, ProbesForConstant = 2;
    private const double ConstantSpread = 1e-3, NearChance = .02, Exploding = 100, SmallestLoss = 1e-3;

    private readonly Queue<TrainingStep> _last = new();
    private readonly Queue<double>[] _losses = [.. atChance.Select(_ => new Queue<double>())]; // of each data set
    private readonly List<double> _norms = [];
    private readonly HashSet<string> _said = [];
    private int _skipped, _constant; // steps; probes in a row

    /// <summary>What a step gives reason to say.</summary>
    internal IEnumerable<TrainingWarning> After(TrainingStep step)
    {
        _last.Enqueue(step);
        if (_last.Count > Window) { _last.Dequeue(); }
        if (!step.IsTaken) { _skipped++; }
        bool isFull = _last.Count == Window && step.Number >= Math.Min(warmup, 100) + Window;
        double mean = _last.Average(past => past.Loss);
        _constant = step.Spread is not { } spread ? _constant : spread < ConstantSpread ? _constant + 1 : 0;
        if (_constant >= ProbesForConstant && _said.Add("constant-scores"))
        {
            yield return new("constant-scores", $"step {step.Number}: all outputs of a batch are the same, and were before: the model has collapsed. "
                + "Lower --learning-rate, give it a warm-up, or look whether the labels belong to the texts.");
        }
        foreach ((int set, double loss) in step.Losses)
        {
            if (!IsAtChance(set, loss, out double past) || !isFull || !_said.Add($"loss-at-chance {set}")) { continue; }
            yield return new("loss-at-chance", string.Create(CultureInfo.InvariantCulture,
                $"step {step.Number}: the loss {(atChance.Count > 1 ? $"on {atChance[set].DataSet} " : "")}has been {past:0.0000} for {Together} batches, "
                + $"and a guess gives {atChance[set].Loss:0.0000}: nothing is learnt. ")
                + "Try another --learning-rate (too low: nothing moves; too high: all outputs are alike), or look whether the labels belong to the texts.");
        }
        if (step.IsTaken && _norms.Count >= NormsBefore && step.GradientNorm > Exploding * Median() && _said.Add("exploding-norm"))
        {
            yield return new("exploding-norm", string.Create(CultureInfo.InvariantCulture,
                $"step {step.Number}: the gradient's norm is {step.GradientNorm:0.###}, {step.GradientNorm / Median():0} times what it was. ")
                + "Lower --learning-rate, or --max-grad-norm.");
        }
        // A loss that is gone is learnt, unless there was none from the first step on.
        if (isFull && _last.All(past => past.GradientNorm == 0) && (mean > SmallestLoss || (mean == 0 && _norms.All(norm => norm == 0)))
            && _said.Add("no-gradient"))
        {
            yield return new("no-gradient",
                $"step {step.Number}: for {Window} steps the gradient has been 0. Look at --freeze, at the margin of the loss, and at the data.");
        }
        if (_skipped > Window / 2 && _skipped > step.Number / 4 && _said.Add("loss-scale"))
        {
            yield return new("loss-scale", $"step {step.Number}: {_skipped} steps were skipped because float16 overflowed. Use --bf16 or --precision float32.");
        }
        if (step.IsTaken && _norms.Count < 10 * Window) { _norms.Add(step.GradientNorm); }
    }

    // Batches of a data set whose losses are looked at: all sets are seen in time.
    private int Together => Math.Max(Window / 5, Window / atChance.Count);

    private bool IsAtChance(int set, double loss, out double mean)
    {
        Queue<double> losses = _losses[set];
        losses.Enqueue(loss);
        if (losses.Count > Together) { losses.Dequeue(); }
        mean = losses.Average();
        return losses.Count == Together && atChance[set].Loss is > SmallestLoss and var chance && mean > (1 - NearChance) * chance;
    }

    private double Median() => _norms.Order().ElementAt(_norms.Count / 2);
}
