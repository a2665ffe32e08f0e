using MiniLM.Model;
using MiniLM.Ranking;

namespace MiniLM.Training.Evaluators;

/// <summary>How a model compares two embeddings; greater is nearer.</summary>
internal static class EmbeddingMeasure
{
    /// <summary>Its name in the names of metrics.</summary>
    internal static string Name(this SimilarityFunction function) => function switch
    {
        SimilarityFunction.Dot => "dot",
        SimilarityFunction.Euclidean => "euclidean",
        SimilarityFunction.Manhattan => "manhattan",
        _ => "cosine",
    };

    internal static double Of(this SimilarityFunction function, ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        if (function == SimilarityFunction.Cosine) { return Cosine.Of(a, b); }
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            double difference = (double)a[i] - b[i];
            sum += function switch
            {
                SimilarityFunction.Dot => (double)a[i] * b[i],
                SimilarityFunction.Euclidean => difference * difference,
                _ => Math.Abs(difference),
            };
        }
        return function switch { SimilarityFunction.Dot => sum, SimilarityFunction.Euclidean => -Math.Sqrt(sum), _ => -sum };
    }
}
