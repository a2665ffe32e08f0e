using MiniLM.Batching;
using MiniLM.Model;
using MiniLM.Text;

namespace MiniLM.Training;

/// <summary>Texts of pairs tokenized apart, so that a row's query can meet the documents of other rows. Not thread-safe.</summary>
/// <param name="tokenizer">The model's.</param>
/// <param name="maxLength">Longest pair in tokens.</param>
/// <param name="parts">A row's query and its documents, without special tokens, each cut to the longest that a pair has room for.</param>
/// <param name="counts">Tokens of each part before it was cut.</param>
internal sealed class PairParts(WordPieceTokenizer tokenizer, int maxLength, TokenizedRows parts, int[] counts) : IDisposable
{
    private readonly int[] _ids = new int[maxLength];
    private readonly byte[] _typeIds = new byte[maxLength];

    /// <summary>Tokens of a row's query with a document of another.</summary>
    /// <param name="query">The row of the query.</param>
    /// <param name="document">The row of the document.</param>
    /// <param name="column">Of the document, from 0.</param>
    internal int Length(int query, int document, int column) =>
        (int)Math.Min(maxLength, tokenizer.SpecialTokenCount(pair: true) + (long)Count(query, 0) + Count(document, column + 1));

    /// <summary>Appends a row's query with a document of another to a batch.</summary>
    internal void AddTo(PackedBatch batch, int query, int document, int column, Architecture architecture)
    {
        int length = tokenizer.Join(parts.Ids(query, 0), Count(query, 0), parts.Ids(document, column + 1), Count(document, column + 1), maxLength,
            Truncation.LongestFirst, _ids, _typeIds, out _);
        batch.Add(_ids.AsSpan(0, length), _typeIds.AsSpan(0, length), architecture);
    }

    private int Count(int row, int part) => counts[parts.FirstSequence(row) + part];

    public void Dispose() => parts.Dispose();
}
