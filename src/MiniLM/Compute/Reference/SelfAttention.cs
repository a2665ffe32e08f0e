using System.Numerics;

namespace MiniLM.Compute.Reference;

/// <summary>context = softmax(q k^T / sqrt(headSize) + bias) v for each head of one sequence (Vaswani et al. 2017, arXiv:1706.03762).</summary>
/// <remarks>
/// query, key, value, context: [length, heads * headSize]; bias: [buckets, heads] with the bucket of each pair's column distance, or empty.
/// scores and probabilities: [heads, length, length], kept for whoever looks at them. Cancellation is looked at before each head.
/// </remarks>
internal static class SelfAttention
{
    internal static void Forward<T>(ReadOnlySpan<T> query, ReadOnlySpan<T> key, ReadOnlySpan<T> value, int heads, ReadOnlySpan<T> bias,
        ReadOnlySpan<int> columns, Span<T> scores, Span<T> probabilities, Span<T> context, CancellationToken cancellation = default)
        where T : IBinaryFloatingPointIeee754<T>
    {
        int length = columns.Length, hidden = query.Length / length, headSize = hidden / heads;
        T scale = T.Sqrt(T.CreateChecked(headSize));
        for (int head = 0; head < heads; head++)
        {
            cancellation.ThrowIfCancellationRequested();
            for (int i = 0; i < length; i++)
            {
                int row = (head * length + i) * length;
                for (int j = 0; j < length; j++)
                {
                    T sum = T.Zero;
                    for (int d = head * headSize; d < (head + 1) * headSize; d++) { sum += query[i * hidden + d] * key[j * hidden + d]; }
                    scores[row + j] = sum / scale;
                    if (!bias.IsEmpty) { scores[row + j] += bias[MpnetBuckets.Of(columns[j] - columns[i]) * heads + head]; }
                }
                scores.Slice(row, length).CopyTo(probabilities[row..]);
                Softmax.Forward(probabilities.Slice(row, length));
                for (int d = head * headSize; d < (head + 1) * headSize; d++)
                {
                    T sum = T.Zero;
                    for (int j = 0; j < length; j++) { sum += probabilities[row + j] * value[j * hidden + d]; }
                    context[i * hidden + d] = sum;
                }
            }
        }
    }
}
