using System.Diagnostics;
using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Training.Evaluators;
using MiniLM.Training.Records;

namespace MiniLM.Training;

/// <summary>All that a run measures: data sets, each with its evaluators, and retrieval.</summary>
/// <param name="model">Of the network.</param>
/// <param name="sets">Data sets.</param>
/// <param name="retrieval">Over corpora of their own.</param>
/// <param name="batchSize">Rows that count as a step of measuring.</param>
internal sealed class EvaluationPlan(Network model, IReadOnlyList<EvaluationSet> sets, IReadOnlyList<RetrievalEvaluator> retrieval, int batchSize)
{
    private const string Prefix = "eval_", TestPrefix = "test_";

    internal IReadOnlyList<EvaluationSet> Sets => sets;

    /// <summary>Of all sets and corpora.</summary>
    internal IEnumerable<Evaluator> Evaluators => sets.SelectMany(set => set.Evaluators.Cast<Evaluator>()).Concat(retrieval);

    internal bool IsEmpty => sets.Count == 0 && retrieval.Count == 0;

    /// <summary>Measures, for the log: <c>eval_</c> before each name, then the time it took.</summary>
    internal List<KeyValuePair<string, double>> Evaluate(DeviceNetwork network, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        List<KeyValuePair<string, double>> values = [];
        int samples = 0;
        foreach (EvaluationSet set in sets)
        {
            values.AddRange(set.Evaluate(network, model, out _, cancellation));
            samples += set.Data.Count;
        }
        foreach (RetrievalEvaluator evaluator in retrieval) { values.AddRange(evaluator.Evaluate(network, cancellation)); }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        values = [.. values.Select(value => KeyValuePair.Create(Prefix + value.Key, value.Value))];
        values.Add(KeyValuePair.Create("eval_runtime", seconds));
        if (samples > 0)
        {
            values.Add(KeyValuePair.Create("eval_samples_per_second", samples / seconds));
            values.Add(KeyValuePair.Create("eval_steps_per_second", Math.Ceiling(samples / (double)batchSize) / seconds));
        }
        return values;
    }

    /// <summary>Measures data sets of what is measured at the end, once; a threshold that was best on the evaluation data is carried over.</summary>
    /// <param name="network">With the final weights.</param>
    /// <param name="evaluated">What <see cref="Evaluate"/> gave for them.</param>
    /// <param name="cancellation">Looked at for every batch.</param>
    internal IEnumerable<KeyValuePair<string, double>> Test(
        DeviceNetwork network, IReadOnlyDictionary<string, double> evaluated, CancellationToken cancellation)
    {
        List<KeyValuePair<string, double>> values = [];
        foreach (EvaluationSet set in sets)
        {
            values.AddRange(set.Evaluate(network, model, out SequenceOutputs outputs, cancellation));
            if (set.Evaluators.OfType<ThresholdEvaluator>().FirstOrDefault() is not { } evaluator) { continue; }
            const string F1 = "f1", Accuracy = "accuracy";
            if (evaluated.Keys.FirstOrDefault(key => key.EndsWith($"{evaluator.F1Name}_threshold", StringComparison.Ordinal)) is not { } key) { continue; }
            string found = key[..^$"{F1}_threshold".Length], carried = $"{set.Data.Name}_{evaluator.F1Name[..^F1.Length]}";
            (double f1, double accuracy) = evaluator.At(outputs, evaluated[key], evaluated[$"{found}{Accuracy}_threshold"]);
            values.Add(KeyValuePair.Create($"{carried}{F1}_at_eval_threshold", f1));
            values.Add(KeyValuePair.Create($"{carried}{Accuracy}_at_eval_threshold", accuracy));
        }
        return values.Select(value => KeyValuePair.Create(TestName(value.Key), value.Value));
    }

    /// <summary>Of a test set or its metric.</summary>
    internal static string TestName(string name) => name.StartsWith(TestPrefix, StringComparison.Ordinal) ? name : TestPrefix + name;

    /// <summary>A metric by its name (null: the loss), which may lack <c>eval_</c> and the name of its data set where those are clear.</summary>
    /// <returns>With <c>eval_</c>.</returns>
    /// <exception cref="ArgumentException">One line: nothing computes it, or several do.</exception>
    internal string Find(string? name)
    {
        string[] all = [.. Evaluators.SelectMany(evaluator => evaluator.Metrics)];
        if (all.Length == 0)
        {
            throw new ArgumentException($"metric_for_best_model{(name is null ? "" : " " + name)}: there is nothing to measure. Give data to evaluate on.");
        }
        string asked = name is null ? "loss" : name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name;
        if (all.Contains(asked)) { return Prefix + asked; }
        // precision is not average_precision: an evaluator's own name goes before an ending.
        string[] found = [.. Evaluators.Where(evaluator => evaluator.Metrics.Contains(evaluator.Full(asked))).Select(evaluator => evaluator.Full(asked))];
        if (found.Length == 0) { found = [.. all.Where(metric => metric.EndsWith("_" + asked, StringComparison.Ordinal))]; }
        string[] known = [.. all.Select(metric => Prefix + metric)];
        return found.Length == 1 ? Prefix + found[0] : throw new ArgumentException(found.Length > 1
            ? $"metric_for_best_model {asked}: is {string.Join(" or ", found)}; name one of them."
            : name is null ? "the best model is asked for, and eval_loss, by which it is usual, is not measured here: give metric_for_best_model, one of "
                + $"{string.Join(", ", known)}."
            : $"metric_for_best_model {name}: nothing here computes it; there are {string.Join(", ", known)}.{NearNames.Suggest(Prefix + asked, known)}");
    }

    /// <summary>The table of each evaluator with its file's name, as sentence-transformers writes it.</summary>
    internal IEnumerable<(string Name, byte[] Table)> Tables(TrainingHistory history) => Evaluators
        .Where(evaluator => evaluator.Table is not null).Select(evaluator => (evaluator.Table!.FileName(evaluator.Name),
            history.Table([.. evaluator.Table.Columns.Select(column => (column.Heading, Prefix + evaluator.Full(column.Metric)))])));
}
