using MiniLM.Retrieval;

namespace MiniLM.Mining;

/// <summary>What a row of mined negatives holds, by the names of <c>mine_hard_negatives</c>.</summary>
internal enum MiningFormat
{
    /// <summary>A positive and a negative.</summary>
    Triplet,

    /// <summary>A positive and all negatives; only where as many were found as asked for.</summary>
    NTuple,

    /// <summary>A positive or a negative, each once a query.</summary>
    LabeledPair,

    /// <summary>A positive and the negatives that were found, if any were.</summary>
    LabeledList,
}

/// <summary>A row of the result.</summary>
/// <param name="Query">Its place.</param>
/// <param name="Documents">Positive first; of a labeled pair the one document.</param>
/// <param name="HasPositive">Whether the first is the positive; false only in a labeled pair.</param>
internal readonly record struct MinedRow(int Query, SearchHit[] Documents, bool HasPositive);

/// <summary>A query with the negatives found.</summary>
/// <param name="Query">Its place.</param>
/// <param name="Positives">In the order in which they were given.</param>
/// <param name="Negatives">Best first.</param>
internal sealed record MinedQuery(int Query, SearchHit[] Positives, SearchHit[] Negatives)
{
    /// <summary>Its rows in a format.</summary>
    /// <param name="format">Which.</param>
    /// <param name="numNegatives">How many were asked for.</param>
    internal IEnumerable<MinedRow> Rows(MiningFormat format, int numNegatives) => format switch
    {
        MiningFormat.Triplet => Positives.SelectMany(positive => Negatives.Select(negative => new MinedRow(Query, [positive, negative], true))),
        MiningFormat.LabeledPair => [.. Positives.Select(positive => new MinedRow(Query, [positive], true)),
            .. Negatives.Select(negative => new MinedRow(Query, [negative], false))],
        _ when Negatives.Length < (format == MiningFormat.NTuple ? numNegatives : 1) => [],
        _ => Positives.Select(positive => new MinedRow(Query, [positive, .. Negatives], true)),
    };
}
