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
    }

    internal PackedTransposed QueryKeyValue { get; }
    internal PackedTransposed AttentionOutput { get; }
    internal PackedTransposed Up { get; }
    internal PackedTransposed Down { get; }

    /// <summary>Weights in panels.</summary>
    internal long Values => QueryKeyValue.Values + AttentionOutput.Values + Up.Values + Down.Values;
    internal long Bytes => QueryKeyValue.Bytes + AttentionOutput.Bytes + Up.Bytes + Down.Bytes;

    internal void Fill(Team team, int member)
    {
        QueryKeyValue.Fill(team, member);
        AttentionOutput.Fill(team, member);
        Up.Fill(team, member);
        Down.Fill(team, member);
    }

    public void Dispose()
    {
        QueryKeyValue.Dispose();
        AttentionOutput.Dispose();
        Up.Dispose();
        Down.Dispose();
    }
}
