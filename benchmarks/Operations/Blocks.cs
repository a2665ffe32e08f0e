using MiniLM.Compute;
using MiniLM.Cpu;

namespace Operations;

/// <summary>Operands of benchmarks: aligned, of about the size that activations have, the same every time.</summary>
internal static unsafe class Blocks
{
    internal static NativeBlock Random(long count, int seed = 1)
    {
        NativeBlock block = new(count);
        Random random = new(seed);
        for (long i = 0; i < count; i++) { block.Floats[i] = random.NextSingle() - .5f; }
        return block;
    }

    /// <summary>The same as operands of products.</summary>
    internal static NativeBlock Operands(ProductKernels products, int count, int seed = 1)
    {
        NativeBlock floats = Random(count, seed);
        if (products.IsExact) { return floats; }
        NativeBlock operands = new(count / products.Group);
        products.Convert(floats.Floats, operands.Floats, count);
        floats.Dispose();
        return operands;
    }
}
