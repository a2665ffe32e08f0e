using MiniLM.Data;

namespace MiniLM.Evaluation;

/// <summary>Queries with positives and negatives, one JSON line each: <c>{"query": ..., "pos": [...], "neg": [...]}</c>, and their scores.</summary>
internal static class CandidateLists
{
    /// <summary>Puts scores to lists, in the order of the file: positives, then negatives; of several queries of a list one after the other.</summary>
    /// <param name="path">The lists; <c>query</c> may be a list too: a document's score is then its greatest.</param>
    /// <param name="scores">A score a query and document of every list, those without positives or negatives included.</param>
    /// <param name="scoresName">Of their file, for messages.</param>
    /// <param name="openStandardInput">For <c>-</c>.</param>
    /// <param name="cancellation">Looked at once a list.</param>
    /// <exception cref="DataFormatException">A line is no such list, or there are more or fewer scores.</exception>
    internal static RerankingMeasures Read(
        string path, double[] scores, string scoresName, Func<Stream>? openStandardInput = null, CancellationToken cancellation = default)
    {
        RerankingMeasures measures = new();
        using JsonLines lines = new(DataFile.Open(path, openStandardInput, cancellation), DataFile.Name(path));
        long used = 0;
        while (CandidateList.Read(lines) is { } list)
        {
            cancellation.ThrowIfCancellationRequested();
            int queries = list.Queries.Length, positives = list.Positives.Length, documents = positives + list.Negatives.Length;
            if (used + (long)queries * documents > scores.Length)
            {
                throw lines.Source.Wrong($"needs the scores {used} to {used + (long)queries * documents - 1}, {scoresName} has {scores.Length}. "
                    + "Score every document of every list, positives first.");
            }
            double[] greatest = [.. Enumerable.Range(0, documents)
                .Select(document => Enumerable.Range(0, queries).Select(query => scores[used + (long)query * documents + document]).Max())];
            measures.Add(new ScoredLabels(greatest, [.. greatest.Select((_, document) => document < positives)]));
            used += (long)queries * documents;
        }
        return used == scores.Length ? measures : throw new DataFormatException(
            $"{scoresName}: has {scores.Length} scores, the lists of {DataFile.Name(path)} need {used}. Give the scores of these lists.");
    }
}
