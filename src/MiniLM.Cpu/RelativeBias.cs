using System.Diagnostics;
using MiniLM.Compute;
using MiniLM.Weights;

namespace MiniLM.Cpu;

/// <summary>MPNet's relative bias by head and distance, so that a row of biases is a piece of a table.</summary>
internal sealed unsafe class RelativeBias : IDisposable
{
    private readonly NativeBlock _table;
    private readonly Tensor _bias;
    private readonly int _heads, _headSize, _farthest;

    /// <param name="bias">[buckets, heads].</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="headSize">The table is multiplied by its root: scores are scaled after the bias is added.</param>
    /// <param name="longest">Longest input in columns; greater distances share its last bucket.</param>
    internal RelativeBias(Tensor bias, int heads, int headSize, int longest)
    {
        (_bias, _heads, _headSize) = (bias, heads, headSize);
        _farthest = Math.Max(longest, 256); // beyond 128 the bucket no longer changes
        _table = new NativeBlock((long)heads * Width);
        Fill();
    }

    /// <summary>Again, where the weights have changed.</summary>
    internal void Fill()
    {
        float[] values = _bias.ToFloats();
        for (int head = 0; head < _heads; head++)
        {
            for (int distance = -_farthest; distance <= _farthest; distance++)
            {
                _table.Floats[(long)head * Width + distance + _farthest] = values[MpnetBuckets.Of(distance) * _heads + head] * MathF.Sqrt(_headSize);
            }
        }
    }

    private int Width => 2 * _farthest + 1;

    internal Head For(int head) => new(_table.Floats + (long)head * Width + _farthest, _farthest);

    /// <summary>The biases of one head; <c>default</c> for an encoder without.</summary>
    internal readonly struct Head(float* center, int farthest)
    {
        /// <summary>The biases of one query against all keys: a piece of the table, or gathered where the columns have holes.</summary>
        internal float* Row(int* columns, int length, int query, float* scratch)
        {
            if (center == null) { return null; }
            Debug.Assert(columns != null && scratch != null && query >= 0 && query < length);
            if (columns[length - 1] - columns[0] == length - 1 && length <= farthest) { return center - (columns[query] - columns[0]); }
            for (int i = 0; i < length; i++) { scratch[i] = center[Math.Clamp(columns[i] - columns[query], -farthest, farthest)]; }
            return scratch;
        }
    }

    public void Dispose() => _table.Dispose();
}
