using System.Diagnostics;
using MiniLM.Compute;
using MiniLM.Cpu.Threading;
using MiniLM.Model;

namespace MiniLM.Cpu;

/// <summary>One transformer layer's weights as the kernels read them.</summary>
internal sealed unsafe class PackedLayer : IDisposable
{
    /// <param name="products">Whose operands the panels hold.</param>
    /// <param name="weights">As in the file.</param>
    /// <param name="config">The encoder's sizes.</param>
    /// <param name="paddedHeadSize">Multiple of 32: heads lie in slots of this width, the rest zeros.</param>
    internal PackedLayer(ProductKernels products, LayerWeights weights, EncoderConfig config, int paddedHeadSize)
    {
        Debug.Assert(paddedHeadSize >= config.HeadSize && paddedHeadSize % Gemm.Columns == 0);
        int heads = config.NumAttentionHeads, headSize = config.HeadSize;
        // Panels in the order q, k, v of head 0, q, k, v of head 1 ...: a head is projected and attended at once.
        QueryKeyValue = new PackedLinear(
            products,
            [.. Enumerable.Range(0, heads).SelectMany(head => new[] { weights.Query, weights.Key, weights.Value }
                .Select(linear => new PackedLinear.Part(linear, head * headSize, headSize)))],
            config.HiddenSize);
        AttentionOutput = new PackedLinear(products, [new(weights.AttentionOutput, 0, config.HiddenSize)], heads * paddedHeadSize, heads);
        Up = new PackedLinear(products, [new(weights.Up, 0, config.IntermediateSize)], config.HiddenSize);
        Down = new PackedLinear(products, [new(weights.Down, 0, config.HiddenSize)], config.IntermediateSize);
        AttentionNorm = new PackedNorm(weights.AttentionNorm);
        OutputNorm = new PackedNorm(weights.OutputNorm);
        _linears = [QueryKeyValue, AttentionOutput, Up, Down];
    }

    private readonly PackedLinear[] _linears;

    internal PackedLinear QueryKeyValue { get; }
    internal PackedLinear AttentionOutput { get; }
    internal PackedLinear Up { get; }
    internal PackedLinear Down { get; }
    internal PackedNorm AttentionNorm { get; }
    internal PackedNorm OutputNorm { get; }

    /// <summary>Weights in panels.</summary>
    internal long Values => _linears.Sum(linear => linear.Values);
    internal long Bytes => _linears.Sum(linear => linear.Bytes);

    /// <summary>One member's share of the packing.</summary>
    internal void Fill(Team team, int member)
    {
        foreach (PackedLinear linear in _linears)
        {
            (int first, int end) = team.Share(linear.Panels, member);
            linear.Fill(first, end);
        }
        if (member > 0) { return; }
        AttentionNorm.Fill();
        OutputNorm.Fill();
    }

    public void Dispose()
    {
        foreach (PackedLinear linear in _linears) { linear.Dispose(); }
        AttentionNorm.Dispose();
        OutputNorm.Dispose();
    }
}

/// <summary>Scale and shift of a LayerNorm as floats.</summary>
internal sealed unsafe class PackedNorm : IDisposable
{
    private readonly NativeBlock _block;
    private readonly Norm _norm;
    private readonly int _width;

    internal PackedNorm(Norm norm)
    {
        _norm = norm;
        _width = (int)norm.Gamma.Count;
        _block = new NativeBlock(2L * _width);
        Fill();
    }

    /// <summary>Again, where the weights have changed.</summary>
    internal void Fill()
    {
        _norm.Gamma.Read(0, _width, Gamma);
        _norm.Beta.Read(0, _width, Beta);
    }

    internal float* Gamma => _block.Floats;
    internal float* Beta => _block.Floats + _width;

    public void Dispose() => _block.Dispose();
}
