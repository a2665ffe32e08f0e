namespace MiniLM;

/// <summary>A document behind a query.</summary>
/// <param name="Index">Its place in the call.</param>
/// <param name="Score">As asked for.</param>
/// <param name="Logit">What the order is by; of a bi-encoder the cosine.</param>
public readonly record struct RankedDocument(int Index, float Score, float Logit)
{
    /// <summary>Documents best first; equal ones keep their order.</summary>
    /// <param name="raw">A number a document.</param>
    /// <param name="score">What is shown of it.</param>
    internal static RankedDocument[] Order(float[] raw, Func<float, float> score) =>
        [.. Enumerable.Range(0, raw.Length).OrderByDescending(index => raw[index]).Select(index => new RankedDocument(index, score(raw[index]), raw[index]))];
}
