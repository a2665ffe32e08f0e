using MiniLM.Compute;
using MiniLM.Model;

namespace MiniLM.Training.Evaluators;

/// <summary>Documents of a corpus in the order of the similarity of their embeddings to a query's: as InformationRetrievalEvaluator.</summary>
/// <param name="name">Of what is measured.</param>
/// <param name="task">Queries, documents and what is relevant.</param>
/// <param name="model">Of the network.</param>
/// <param name="ranking">How embeddings are compared.</param>
internal sealed class RetrievalEvaluator(string name, RetrievalTask task, Network model, EmbeddingRanking ranking) : Evaluator(name)
{
    internal override EvaluatorTable Table => ranking.Table;

    private protected override IReadOnlyList<string> Measured => ranking.Metrics;

    /// <summary>Numbers with their names.</summary>
    /// <param name="network">That is trained.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal IEnumerable<KeyValuePair<string, double>> Evaluate(DeviceNetwork network, CancellationToken cancellation)
    {
        float[] queries = Embed(task.Queries), documents = Embed(task.Documents);
        return Named(ranking.Measure(queries, documents, model.OutputSize, task.DocumentIds, task.Relevant, cancellation));

        float[] Embed(TokenizedRows texts) => SequenceOutputs.Compute(network, model, texts, cancellation).Values;
    }
}
