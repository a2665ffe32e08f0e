using MiniLM.Compute;
using MiniLM.Model;

namespace MiniLM.Retrieval;

/// <summary>Scalar products or negative distances of queries and documents, a row of a block at a time: memory is bounded however many there are.</summary>
/// <param name="device">Computes them.</param>
/// <param name="width">Length of a vector.</param>
/// <param name="function">Cosines are scalar products: the vectors have length 1.</param>
internal sealed class SimilarityRows(Device device, int width, SimilarityFunction function = SimilarityFunction.Cosine)
{
    /// <summary>Documents of a block.</summary>
    internal const int Block = 8192;

    private const int Together = 64; // queries that share one pass over a block

    private float[] _scores = [];

    /// <param name="query">Counted in the call.</param>
    /// <param name="first">Document of the first score, counted in the call.</param>
    /// <param name="scores">Valid until the next row.</param>
    internal delegate void Row(int query, int first, ReadOnlySpan<float> scores);

    /// <summary>Gives every row to <paramref name="row"/>; a query's blocks come in order.</summary>
    /// <param name="queries">[queries, width].</param>
    /// <param name="documents">[documents, width].</param>
    /// <param name="row">Takes it.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal void Compute(ReadOnlySpan<float> queries, ReadOnlySpan<float> documents, Row row, CancellationToken cancellation)
    {
        int queryCount = queries.Length / width, documentCount = documents.Length / width;
        int most = Math.Min(Together, queryCount) * Math.Min(Block, documentCount);
        if (_scores.Length < most) { _scores = new float[most]; }
        for (int block = 0; block < documentCount; block += Block)
        {
            int count = Math.Min(Block, documentCount - block);
            for (int first = 0; first < queryCount; first += Together)
            {
                int some = Math.Min(Together, queryCount - first);
                ReadOnlySpan<float> from = queries.Slice(first * width, some * width), to = documents.Slice(block * width, count * width);
                Span<float> scores = _scores.AsSpan(0, some * count);
                if (function is SimilarityFunction.Cosine or SimilarityFunction.Dot) { device.Similarity(from, to, width, scores, cancellation); }
                else { device.NegativeDistances(function, from, to, width, scores, cancellation); }
                for (int query = 0; query < some; query++) { row(first + query, block, _scores.AsSpan(query * count, count)); }
            }
        }
    }
}
