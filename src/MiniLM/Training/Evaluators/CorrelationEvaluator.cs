using MiniLM.Evaluation.Statistics;
using MiniLM.Model;
using MiniLM.Ranking;

namespace MiniLM.Training.Evaluators;

/// <summary>Correlations of scores with grades: as EmbeddingSimilarityEvaluator and CrossEncoderCorrelationEvaluator.</summary>
/// <param name="name">Of the set.</param>
/// <param name="data">Pairs with a grade each.</param>
/// <param name="similarity">Of a bi-encoder; null: a cross-encoder with one output.</param>
/// <param name="activation">What makes scores of a cross-encoder's logits.</param>
internal sealed class CorrelationEvaluator(string name, TrainingData data, SimilarityFunction? similarity, ClassifierActivation activation = default)
    : DataEvaluator(name, data)
{
    internal bool IsOfEmbeddings => similarity is not null;

    internal override EvaluatorTable Table => similarity is { } function
        ? new("similarity_evaluation", [($"{function.Name()}_pearson", $"pearson_{function.Name()}"), ($"{function.Name()}_spearman",
            $"spearman_{function.Name()}")])
        : new("CrossEncoderCorrelationEvaluator", [("Pearson_Correlation", "pearson"), ("Spearman_Correlation", "spearman")]);

    private protected override IReadOnlyList<string> Measured =>
        similarity is { } function ? [$"spearman_{function.Name()}", $"pearson_{function.Name()}"] : ["spearman", "pearson"];

    internal override double[] Values(SequenceOutputs outputs, CancellationToken cancellation)
    {
        double[] labels = Labels();
        double[] scores = [.. Enumerable.Range(0, labels.Length)
            .Select(row => similarity is { } function ? function.Of(outputs[row, 0], outputs[row, 1]) : (float)activation.Score(outputs[row, 0][0]))];
        return [Correlation.Spearman(scores, labels), Correlation.Pearson(scores, labels)];
    }
}
