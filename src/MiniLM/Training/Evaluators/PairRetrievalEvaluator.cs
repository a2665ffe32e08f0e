namespace MiniLM.Training.Evaluators;

/// <summary>Second texts of all pairs in the order of their similarity to a first text, whose own ones are relevant.</summary>
/// <param name="name">Of the set.</param>
/// <param name="data">Pairs without labels; equal texts are one query, or one document.</param>
/// <param name="ranking">How embeddings are compared.</param>
internal sealed class PairRetrievalEvaluator(string name, TrainingData data, EmbeddingRanking ranking) : DataEvaluator(name, data)
{
    internal override EvaluatorTable Table => ranking.Table;

    private protected override IReadOnlyList<string> Measured => ranking.Metrics;

    internal override double[] Values(SequenceOutputs outputs, CancellationToken cancellation)
    {
        (int[] first, int[] second) = (Data.Texts![0], Data.Texts[1]);
        Dictionary<int, HashSet<string>> relevant = [];
        for (int row = 0; row < Data.Count; row++)
        {
            if (!relevant.TryGetValue(first[row], out HashSet<string>? ids)) { relevant.Add(first[row], ids = []); }
            ids.Add($"{second[row]}");
        }
        int[] queries = FirstRows(first), documents = FirstRows(second);
        return ranking.Measure(Rows(queries, 0), Rows(documents, 1), outputs.Size, [.. documents.Select(row => $"{second[row]}")],
            [.. queries.Select(row => relevant[first[row]])], cancellation);

        float[] Rows(int[] rows, int column)
        {
            float[] values = new float[rows.Length * outputs.Size];
            for (int i = 0; i < rows.Length; i++) { outputs[rows[i], column].CopyTo(values.AsSpan(i * outputs.Size)); }
            return values;
        }
    }

    private static int[] FirstRows(int[] texts)
    {
        HashSet<int> seen = [];
        return [.. Enumerable.Range(0, texts.Length).Where(row => seen.Add(texts[row]))];
    }
}
