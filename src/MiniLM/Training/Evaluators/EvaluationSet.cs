using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Training.Losses;

namespace MiniLM.Training.Evaluators;

/// <summary>A data set with all that is measured on it: the outputs of its sequences are computed once.</summary>
/// <param name="Data">The set.</param>
/// <param name="Evaluators">The loss first, where there is one.</param>
internal sealed record EvaluationSet(TrainingData Data, IReadOnlyList<DataEvaluator> Evaluators)
{
    /// <summary>What is measured goes by the labels: 0 and 1 (or -1 and 1) are classes, other numbers grades; without labels columns are what belongs
    /// together.</summary>
    /// <param name="data">The set.</param>
    /// <param name="name">Before the metrics.</param>
    /// <param name="model">Of the network.</param>
    /// <param name="folder">Of the model: its kind, similarity and activation.</param>
    /// <param name="device">That compares embeddings.</param>
    /// <param name="loss">Over the set; null: the loss is not measured.</param>
    internal static EvaluationSet Of(TrainingData data, string name, Network model, ModelFolder folder, Device device, LossEvaluator? loss)
    {
        List<DataEvaluator> evaluators = loss is null ? [] : [loss];
        int columns = data.Rows.IsList ? 1 : data.Columns.Length;
        bool hasLabels = data.Rows.Labels is not null, isBinary = data.HasLabels(0, 1) || data.HasLabels(-1, 1);
        bool isSingle = hasLabels && !data.Rows.IsList && data.Rows.Labels![0].Length == 1;
        if (folder.Kind == ModelKind.BiEncoder)
        {
            SimilarityFunction similarity = folder.SimilarityFunction;
            if (isSingle && columns == 2 && isBinary) { evaluators.Add(new BinaryClassificationEvaluator(name, data, similarity)); }
            else if (isSingle && columns == 2) { evaluators.Add(new CorrelationEvaluator(name, data, similarity)); }
            else if (columns > 2) { evaluators.Add(new TripletEvaluator(name, data, similarity)); }
            else if (columns == 2 && !hasLabels) { evaluators.Add(new PairRetrievalEvaluator(name, data, new EmbeddingRanking(similarity, device))); }
        }
        else if (model.OutputSize > 1)
        {
            if (isSingle)
            {
                CheckClasses(data, model.OutputSize);
                evaluators.Add(new ClassesEvaluator(name, data));
            }
        }
        else if (data.Rows.IsList || columns > 2) { evaluators.Add(new RerankingEvaluator(name, data)); }
        else if (isSingle && isBinary)
        {
            evaluators.Add(new CrossEncoderClassificationEvaluator(name, data, folder.ClassifierActivation));
            if (data.Queries.Distinct().Count() < data.Count) { evaluators.Add(new RerankingEvaluator(name, data)); }
        }
        else if (isSingle) { evaluators.Add(new CorrelationEvaluator(name, data, null, folder.ClassifierActivation)); }
        return new EvaluationSet(data, evaluators);
    }

    private static void CheckClasses(TrainingData data, int classes)
    {
        int row = Array.FindIndex(data.Rows.Labels!, labels => labels[0] < 0 || labels[0] >= classes || !double.IsInteger(labels[0]));
        LossDataException.ThrowIf(row >= 0, FormattableString.Invariant($"{data.Source}: label {data.Rows.Labels![Math.Max(0, row)][0]} of row {row + 1}: ")
            + $"the model has {classes} classes, 0 to {classes - 1}.");
    }

    /// <summary>Numbers of all evaluators.</summary>
    /// <param name="network">That is trained.</param>
    /// <param name="model">Of the network.</param>
    /// <param name="outputs">Of all sequences, for what is not among the metrics.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal List<KeyValuePair<string, double>> Evaluate(DeviceNetwork network, Network model, out SequenceOutputs outputs, CancellationToken cancellation)
    {
        SequenceOutputs computed = outputs = SequenceOutputs.Compute(network, model, Data.Rows.Tokens, cancellation);
        return [.. Evaluators.SelectMany(evaluator => evaluator.Named(evaluator.Values(computed, cancellation)))];
    }
}
