using System.Globalization;
using MiniLM.Model;
using MiniLM.Training.Evaluators;
using MiniLM.Training.Records;

namespace MiniLM.Training;

/// <summary>What a run has to say in the card of its model.</summary>
/// <param name="model">That it began with.</param>
/// <param name="hubId">Of the model on the Hub; null: it is not known to be there.</param>
/// <param name="arguments">Of the run.</param>
internal sealed class TrainingCard(TrainingModel model, string? hubId, TrainingArguments arguments)
{
    private const int MostClasses = 10, MostPairs = 3;

    /// <summary>All arguments, as the card and the page of a run show them.</summary>
    internal static IReadOnlyList<CardSetting> Settings(TrainingArguments arguments) =>
        [.. TrainingArgumentNames.Values(arguments).Select(value => new CardSetting(value.Name, value.Value, !value.IsGiven))];

    /// <param name="training">Data, each with its loss.</param>
    /// <param name="evaluation">What was measured on the way.</param>
    /// <param name="tests">What was measured at the end.</param>
    /// <param name="measured">By the names of the log, of the weights that are the model's.</param>
    /// <param name="history">Of the run.</param>
    /// <param name="outputs">Dimension of an embedding, or number of labels.</param>
    /// <param name="best">The step whose weights are the model's; null: the last.</param>
    internal ModelCardContents Contents(IReadOnlyList<(TrainingData Data, TrainingLoss Loss)> training, EvaluationPlan evaluation, EvaluationPlan tests,
        IReadOnlyDictionary<string, double> measured, TrainingHistory history, int outputs, int? best) => new()
        {
            Kind = model.Folder.Kind,
            BaseModel = Path.GetFileName(Path.TrimEndingDirectorySeparator(model.Source)),
            BaseModelId = hubId,
            Terms = BaseModelTerms.Read(model.Source),
            MaxSequenceLength = model.MaxLength,
            OutputSize = outputs,
            Similarity = model.Folder.SimilarityFunction,
            TrainingSets = [.. training.Select(set => DataSet(set.Data, set.Loss))],
            // Of a list, its query with each document.
            Pairs = [.. training.SelectMany(set => set.Data.Samples).SelectMany(row => row.Texts.Skip(1).Select(text => (row.Texts[0], text)))
                .Take(MostPairs)],
            EvaluationSets = [.. evaluation.Sets.Select(set =>
                DataSet(set.Data, set.Evaluators.Any(evaluator => evaluator is LossEvaluator) ? training[0].Loss : null))],
            Evaluations =
            [
                .. evaluation.Evaluators.Where(evaluator => evaluator is not LossEvaluator).Select(evaluator => Evaluation(evaluator, history, best)),
                .. tests.Evaluators.Where(evaluator => evaluator is not LossEvaluator)
                    .Select(evaluator => Evaluation(evaluator, (metric, name) => new CardMetric(name, null, measured[EvaluationPlan.TestName(metric)]))),
            ],
            Settings = Settings(arguments),
            Log = history.Log,
            BestStep = best,
            TrainingSeconds = history.Seconds,
            Versions = [new("minilm", LibraryVersion.Text), new(".NET", Environment.Version.ToString())],
        };

    private CardDataSet DataSet(TrainingData data, TrainingLoss? loss)
    {
        List<CardColumn> columns = [.. data.Columns.Select((name, column) => new CardColumn(name, Lengths(data, column)))];
        if (data.Rows.Labels is { } labels)
        {
            columns.Add(new CardColumn(data.LabelColumn ?? (data.Rows.IsList ? "labels" : "label"), LabelsOf(data, labels)));
        }
        return new CardDataSet(data.Source, data.Count, columns, [.. data.Samples.Select(row => Sample(data, row))], loss?.Name,
            [.. (loss?.Settings ?? []).Select(setting => KeyValuePair.Create(setting.Key, Json(setting.Value)))]);
    }

    // Of a pair only the tokens of both texts together are known.
    private RangeStatistics Lengths(TrainingData data, int column)
    {
        if (model.Folder.Kind == ModelKind.CrossEncoder)
        {
            (double min, double mean, double max) = data.Lengths[column];
            return new RangeStatistics(data.Rows.IsList && column == 1 ? RangeOf.Elements : RangeOf.Characters, min, mean, max);
        }
        int[] lengths = [.. Enumerable.Range(0, data.Count).Select(row => data.Rows.Tokens.Length(row, column))];
        return new RangeStatistics(RangeOf.Tokens, lengths.Min(), lengths.Average(), lengths.Max());
    }

    private static ColumnStatistics LabelsOf(TrainingData data, double[][] labels)
    {
        if (data.Rows.IsList || labels[0].Length > 1)
        {
            return new RangeStatistics(RangeOf.Elements, labels.Min(row => row.Length), labels.Average(row => row.Length), labels.Max(row => row.Length));
        }
        IGrouping<double, double[]>[] classes = [.. labels.GroupBy(row => row[0]).OrderBy(group => group.Key)];
        return classes.Length <= MostClasses && classes.All(group => double.IsInteger(group.Key))
            ? new ClassStatistics([.. classes.Select(group => KeyValuePair
                .Create(group.Key.ToString(CultureInfo.InvariantCulture), group.Count() / (double)labels.Length))])
            : new RangeStatistics(RangeOf.Numbers, labels.Min(row => row[0]), labels.Average(row => row[0]), labels.Max(row => row[0]));
    }

    private static string[] Sample(TrainingData data, TrainingRow row)
    {
        string labels = string.Join(", ", row.Labels.Select(label => label.ToString(CultureInfo.InvariantCulture)));
        string[] texts = data.Rows.IsList ? [row.Texts[0], $"[{string.Join(", ", row.Texts.Skip(1))}]"] : [.. row.Texts];
        return row.Labels.Count == 0 ? texts : [.. texts, row.Labels.Count == 1 && !data.Rows.IsList ? labels : $"[{labels}]"];
    }

    // Settings are numbers, true or false, or names.
    private static string Json(string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out _) || value is "true" or "false" ? value : value == "none" ? "null"
            : $"\"{value}\"";

    private static CardEvaluation Evaluation(Evaluator evaluator, TrainingHistory history, int? best)
    {
        LogEntry[] entries = [.. history.Log.Where(entry => entry.Values.Any(value => value.Key == "eval_" + evaluator.Metrics[0]))];
        LogEntry? before = entries.FirstOrDefault(entry => entry.Step == 0), after = entries.LastOrDefault(entry => best is null || entry.Step == best);
        return Evaluation(evaluator, (metric, name) => new CardMetric(name, Value(before, metric), Value(after, metric) ?? double.NaN));

        static double? Value(LogEntry? entry, string metric) =>
            entry?.Values.Where(value => value.Key == "eval_" + metric).Select(value => (double?)value.Value).FirstOrDefault();
    }

    private static CardEvaluation Evaluation(Evaluator evaluator, Func<string, string, CardMetric> measured)
    {
        int skip = evaluator.Name.Length == 0 ? 0 : evaluator.Name.Length + 1;
        return new CardEvaluation(evaluator.Name, Task(evaluator), evaluator.Name, [.. evaluator.Metrics.Select(metric => measured(metric, metric[skip..]))],
            evaluator.Metrics[0][skip..]);
    }

    private static string Task(Evaluator evaluator) => evaluator switch
    {
        BinaryClassificationEvaluator => "binary-classification",
        CrossEncoderClassificationEvaluator => "cross-encoder-binary-classification",
        ClassesEvaluator => "cross-encoder-softmax-accuracy",
        CorrelationEvaluator { IsOfEmbeddings: true } => "semantic-similarity",
        CorrelationEvaluator => "cross-encoder-correlation",
        RerankingEvaluator => "cross-encoder-reranking",
        TripletEvaluator => "triplet",
        _ => "information-retrieval",
    };
}
