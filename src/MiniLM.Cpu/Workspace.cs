using MiniLM.Compute;

namespace MiniLM.Cpu;

/// <summary>Everything between a batch and its result, for one group of rows: one block, cut once, never touched by the collector.</summary>
internal sealed unsafe class Workspace : IDisposable
{
    private readonly NativeBlock _block;

    internal Workspace(int rows, int hidden, int contextWidth, int inner, int headSize, int tallest, int pooledWidth)
    {
        Rows = rows;
        Attention = new SelfAttention.Scratch(rows, headSize, tallest);
        long at = 0;
        _block = new NativeBlock((long)rows * (2L * hidden + contextWidth + inner + 3L * headSize) + 2L * pooledWidth);
        X = Take((long)rows * hidden);
        Y = Take((long)rows * hidden);
        Context = Take((long)rows * contextWidth);
        Inner = Take((long)rows * inner);
        Projections = Take(3L * rows * headSize);
        Pooled = Take(2L * pooledWidth);

        float* Take(long floats)
        {
            float* start = _block.Floats + at;
            at += floats;
            return start;
        }
    }

    internal int Rows { get; }

    /// <summary>[rows, hidden]: what a layer reads and, at its end, writes.</summary>
    internal float* X { get; }

    /// <summary>[rows, hidden]: sums before LayerNorm.</summary>
    internal float* Y { get; }

    /// <summary>[rows, heads * padded head size].</summary>
    internal float* Context { get; }

    /// <summary>[rows, intermediate].</summary>
    internal float* Inner { get; }

    /// <summary>Query, key and value of one head.</summary>
    internal float* Projections { get; }

    /// <summary>Two rows of the head.</summary>
    internal float* Pooled { get; }

    internal SelfAttention.Scratch Attention { get; }

    /// <summary>Where the thread that owns this notes its operations; null: nowhere.</summary>
    internal OperationLog? Log { get; set; }

    public void Dispose()
    {
        Attention.Dispose();
        _block.Dispose();
    }
}
