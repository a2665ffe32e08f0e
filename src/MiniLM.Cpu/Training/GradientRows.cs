using MiniLM.Compute;

namespace MiniLM.Cpu.Training;

/// <summary>Gradients of one layer's rows, of the whole batch; all but the first as words (<see cref="TrainingSlot"/>).</summary>
internal sealed unsafe class GradientRows(int rows, int words, RowWidths widths, bool recomputesInner) : IDisposable
{
    private readonly NativeBlock _block = new(
        (long)rows * widths.Hidden + words * (2L * widths.Hidden + 3L * widths.Context + (recomputesInner ? 2L : 1L) * widths.Inner));

    internal bool Holds(int ofRows, int ofWords) => ofRows <= rows && ofWords <= words;

    internal long Bytes => _block.Bytes;

    /// <summary>[rows, hidden] floats: of what a layer writes, then of what it reads.</summary>
    internal float* X => _block.Floats;

    /// <summary>[words, hidden]: of the product behind the activation.</summary>
    internal float* Down => X + (long)rows * widths.Hidden;

    /// <summary>[words, hidden]: of the product behind attention.</summary>
    internal float* Dense => Down + (long)words * widths.Hidden;

    /// <summary>[words, inner]: of the product before the activation.</summary>
    internal float* Up => Dense + (long)words * widths.Hidden;

    /// <summary>[words, 3 context]: of q, k and v.</summary>
    internal float* Projections => Up + (long)words * widths.Inner;

    /// <summary>[words, inner]: the activations themselves, where they are made anew.</summary>
    internal float* Activated => Projections + 3L * words * widths.Context;

    public void Dispose() => _block.Dispose();
}
