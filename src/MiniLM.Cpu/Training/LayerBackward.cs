using MiniLM.Cpu.Threading;
using MiniLM.Model;

namespace MiniLM.Cpu.Training;

/// <summary>One layer's weights as the gradients of its inputs read them.</summary>
internal sealed class LayerBackward : IDisposable
{
    internal LayerBackward(ProductKernels products, LayerWeights weights, EncoderConfig config, RowWidths widths)
    {
        int heads = config.NumAttentionHeads;
        QueryKeyValue = new PackedTransposed(products, [weights.Query, weights.Key, weights.Value], widths.Context, widths.Hidden, outputHeads: heads);
        AttentionOutput = new PackedTransposed(products, [weights.AttentionOutput], widths.Hidden, widths.Context, inputHeads: heads);
        Up = new PackedTransposed(products, [weights.Up], widths.Inner, widths.Hidden);
        Down = new PackedTransposed(products, [weights.Down], widths.Hidden, widths.Inner);
        _linears = [QueryKeyValue, AttentionOutput, Up, Down];
    }

    private readonly PackedTransposed[] _linears;

    internal PackedTransposed QueryKeyValue { get; }
    internal PackedTransposed AttentionOutput { get; }
    internal PackedTransposed Up { get; }
    internal PackedTransposed Down { get; }

    /// <summary>Weights in panels.</summary>
    internal long Values => _linears.Sum(linear => linear.Values);
    internal long Bytes => _linears.Sum(linear => linear.Bytes);

    internal void Fill(Team team, int member)
    {
        foreach (PackedTransposed linear in _linears) { linear.Fill(team, member); }
    }

    public void Dispose()
    {
        foreach (PackedTransposed linear in _linears) { linear.Dispose(); }
    }
}
