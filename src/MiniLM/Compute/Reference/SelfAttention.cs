using System.Numerics;
using MiniLM.Training;

namespace MiniLM.Compute.Reference;

/// <summary>context = softmax(q k^T / sqrt(headSize) + bias) v for each head of one sequence (Vaswani et al. 2017, arXiv:1706.03762).</summary>
/// <remarks>
/// query, key, value, context: [length, heads * headSize]; bias: [buckets, heads] with the bucket of each pair's column distance, or empty.
/// scores and probabilities: [heads, length, length], kept for whoever looks at them; the mask drops probabilities on their way to v.
/// firstRow: the sequence's first row of the mask. Cancellation is looked at before each head.
/// </remarks>
internal static class SelfAttention
{
    internal static void Forward<T>(ReadOnlySpan<T> query, ReadOnlySpan<T> key, ReadOnlySpan<T> value, int heads, ReadOnlySpan<T> bias,
        ReadOnlySpan<int> columns, Span<T> scores, Span<T> probabilities, Span<T> context, DropoutMask mask = default, int firstRow = 0,
        CancellationToken cancellation = default)
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
                    for (int j = 0; j < length; j++) { sum += probabilities[row + j] * Factor<T>(mask, firstRow + i, head, j) * value[j * hidden + d]; }
                    context[i * hidden + d] = sum;
                }
            }
        }
    }

    /// <summary>
    /// With P the dropped probabilities: dv = P^T dc; dp = (dc v^T) dropped alike; ds = p (dp - sum of p dp); dq = ds k / sqrt(headSize), dk likewise.
    /// </summary>
    /// <remarks>
    /// Shapes as the value's; dBias [buckets, heads] += the sum of ds over pairs of its bucket, or is empty. The other three are overwritten.
    /// </remarks>
    internal static void Backward<T>(ReadOnlySpan<T> query, ReadOnlySpan<T> key, ReadOnlySpan<T> value, int heads, ReadOnlySpan<int> columns,
        ReadOnlySpan<T> probabilities, ReadOnlySpan<T> dContext, Span<T> dQuery, Span<T> dKey, Span<T> dValue, Span<T> dBias,
        DropoutMask mask = default, int firstRow = 0, CancellationToken cancellation = default)
        where T : IBinaryFloatingPointIeee754<T>
    {
        int length = columns.Length, hidden = query.Length / length, headSize = hidden / heads;
        T scale = T.Sqrt(T.CreateChecked(headSize));
        T[] dScores = new T[length];
        dQuery.Clear();
        dKey.Clear();
        dValue.Clear();
        for (int head = 0; head < heads; head++)
        {
            cancellation.ThrowIfCancellationRequested();
            for (int i = 0; i < length; i++)
            {
                ReadOnlySpan<T> p = probabilities.Slice((head * length + i) * length, length);
                for (int j = 0; j < length; j++)
                {
                    T kept = Factor<T>(mask, firstRow + i, head, j), sum = T.Zero;
                    for (int d = head * headSize; d < (head + 1) * headSize; d++)
                    {
                        sum += dContext[i * hidden + d] * value[j * hidden + d];
                        dValue[j * hidden + d] += p[j] * kept * dContext[i * hidden + d];
                    }
                    dScores[j] = sum * kept;
                }
                Softmax.Backward(p, dScores);
                for (int j = 0; j < length; j++)
                {
                    if (!dBias.IsEmpty) { dBias[MpnetBuckets.Of(columns[j] - columns[i]) * heads + head] += dScores[j]; }
                    for (int d = head * headSize; d < (head + 1) * headSize; d++)
                    {
                        dQuery[i * hidden + d] += dScores[j] / scale * key[j * hidden + d];
                        dKey[j * hidden + d] += dScores[j] / scale * query[i * hidden + d];
                    }
                }
            }
        }
    }

    /// <summary>Column of a key among the columns of a row of the mask.</summary>
    internal static int MaskColumn(int head, int key) => (head << 16) + key;

    private static T Factor<T>(DropoutMask mask, int row, int head, int key) where T : IBinaryFloatingPointIeee754<T> =>
        mask.IsOff ? T.One : T.CreateChecked(mask.Factor(row, MaskColumn(head, key)));
}
