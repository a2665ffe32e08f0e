using System.Diagnostics;
using MiniLM.Batching;
using MiniLM.Model;

namespace MiniLM.Cpu;

/// <summary>x = LayerNorm(word + position + type), rows gathered from the mapped file and widened on the way.</summary>
internal sealed unsafe class EmbeddingRows(CpuKernels kernels, EncoderConfig config, EncoderWeights weights) : IDisposable
{
    internal PackedNorm Norm { get; } = new(weights.EmbeddingNorm);

    /// <summary>Rows [first, end) of the batch into [end - first, hidden].</summary>
    /// <param name="batch">Ids within their tables.</param>
    /// <param name="first">First row.</param>
    /// <param name="end">Behind the last row.</param>
    /// <param name="x">Where the first row goes.</param>
    /// <param name="stride">Floats from row to row.</param>
    internal void Gather(PackedBatch batch, int first, int end, float* x, nint stride)
    {
        Sum(batch, first, end, x, stride);
        for (int row = first; row < end; row++, x += stride)
        {
            kernels.LayerNorm(x, Norm.Gamma, Norm.Beta, config.LayerNormEps, x, config.HiddenSize);
        }
    }

    /// <summary>The same before LayerNorm.</summary>
    internal void Sum(PackedBatch batch, int first, int end, float* x, nint stride)
    {
        Debug.Assert(first >= 0 && end >= first && end <= batch.Rows && x != null && stride >= config.HiddenSize);
        int hidden = config.HiddenSize;
        float* other = stackalloc float[hidden];
        for (int row = first; row < end; row++, x += stride)
        {
            weights.WordEmbeddings.Read((long)batch.TokenIds[row] * hidden, hidden, x);
            weights.PositionEmbeddings.Read((long)batch.Positions[row] * hidden, hidden, other);
            Add(x, other, hidden);
            if (weights.TokenTypeEmbeddings is { } types)
            {
                types.Read((long)batch.TypeIds[row] * hidden, hidden, other);
                Add(x, other, hidden);
            }
        }
    }

    private static void Add(float* x, float* y, int count)
    {
        for (int i = 0; i < count; i++) { x[i] += y[i]; }
    }

    public void Dispose() => Norm.Dispose();
}
