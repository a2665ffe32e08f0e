using MiniLM.Model;

namespace MiniLM.Ranking;

/// <summary>How near two embeddings are by a function; greater is nearer.</summary>
internal static class EmbeddingMeasure
{
    internal static bool IsDistance(this SimilarityFunction function) => function is SimilarityFunction.Euclidean or SimilarityFunction.Manhattan;

    /// <summary>Summed in double: cosine, a b, -|a - b| or -sum |a_i - b_i|.</summary>
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
        // Of equal rows 0, not the -0 that a minus sign makes of it.
        return function switch { SimilarityFunction.Dot => sum, SimilarityFunction.Euclidean => 0 - Math.Sqrt(sum), _ => 0 - sum };
    }
}
