namespace MiniLM;

/// <summary>A document behind a query.</summary>
/// <param name="Index">Its place in the call.</param>
/// <param name="Score">As asked for.</param>
/// <param name="Logit">The model's own number, by which equal scores are ordered; of a bi-encoder the cosine.</param>
public readonly record struct RankedDocument(int Index, float Score, float Logit)
{
    /// <summary>Documents best first: by score, equal ones by the number that it is made of; those keep their order that are equal in both.</summary>
    /// <param name="raw">A number a document.</param>
    /// <param name="score">What is shown of it.</param>
    internal static RankedDocument[] Order(float[] raw, Func<float, float> score) => [.. raw
        .Select((number, index) => new RankedDocument(index, score(number), number))
        .OrderByDescending(document => document.Score).ThenByDescending(document => document.Logit)];

    /// <summary>Sets equal scores apart, by the last digit of a float each, where the numbers that they are made of differ: who sorts by score alone,
    /// as trec_eval does, finds the same order. No score falls below 0 by it.</summary>
    /// <param name="ordered">Of <see cref="Order"/>.</param>
    internal static void SetApart(Span<RankedDocument> ordered)
    {
        float last = ordered.IsEmpty ? 0 : ordered[^1].Score;
        for (int i = 1; i < ordered.Length; i++)
        {
            float before = ordered[i - 1].Score;
            if (ordered[i].Score >= before) { ordered[i] = ordered[i].Beside(ordered[i - 1], float.BitDecrement(before)); }
        }
        if (last < 0 || ordered.IsEmpty || ordered[^1].Score >= 0) { return; }
        ordered[^1] = ordered[^1] with { Score = last };
        for (int i = ordered.Length - 2; i >= 0 && ordered[i].Score <= ordered[i + 1].Score; i--)
        {
            ordered[i] = ordered[i].Beside(ordered[i + 1], float.BitIncrement(ordered[i + 1].Score));
        }
    }

    private RankedDocument Beside(RankedDocument neighbour, float apart) => this with { Score = Logit == neighbour.Logit ? neighbour.Score : apart };
}
