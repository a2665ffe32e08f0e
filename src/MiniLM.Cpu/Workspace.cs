using MiniLM.Compute;

namespace MiniLM.Cpu;

/// <summary>Everything between a batch and its result, for one group of rows: one block, cut once, never touched by the collector.</summary>
internal sealed unsafe class Workspace : IDisposable
{
    private readonly NativeBlock _block;

    internal Workspace(ProductKernels products, int rows, int hidden, int contextWidth, int inner, int headSize, int pooledWidth)
    {
        Rows = rows;
        Attention = new SelfAttention.Scratch(rows, headSize, products);
        long at = 0;
        int group = products.Group;
        _block = new NativeBlock((long)rows * (3L * hidden + contextWidth + inner + 3L * headSize) + 2L * pooledWidth);
        X = Take((long)rows * hidden);
        Y = Take((long)rows * hidden);
        XOperands = products.IsExact ? X : Take((long)rows * hidden / group);
        Context = Take((long)rows * contextWidth / group);
        Inner = Take((long)rows * inner / group);
        Projections = Take(3L * rows * headSize / group);
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

    /// <summary>[rows, hidden] operands: X itself, or what it is rounded to.</summary>
    internal void* XOperands { get; }

    /// <summary>[rows, heads * padded head size] operands.</summary>
    internal void* Context { get; }

    /// <summary>[rows, intermediate] operands.</summary>
    internal void* Inner { get; }

    /// <summary>Operands: query, key and value of one head.</summary>
    internal void* Projections { get; }

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
