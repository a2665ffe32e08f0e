using System.Diagnostics;

namespace MiniLM.Cpu;

/// <summary>What a thread does in a forward pass or a training step.</summary>
internal enum CpuOperation
{
    Embedding,
    QueryKeyValue,
    Attention,
    AttentionOutput,
    LayerNorm,
    FeedForwardUp,
    Activation,
    FeedForwardDown,
    Dropout,

    /// <summary>The sum with what a layer read, where no product adds it.</summary>
    Residual,

    /// <summary>Floats to operands of a product, where these are rounded.</summary>
    Cast,
    Head,

    /// <summary>Sums over rows, which biases and LayerNorms get.</summary>
    BiasSums,
    GradientNorm,
    AdamW,

    /// <summary>Weights that have changed, into panels: forward and transposed.</summary>
    Packing,

    /// <summary>Gradients to 0.</summary>
    Clearing,

    /// <summary>For other threads.</summary>
    Wait,
}

/// <summary>Parts of a training step. A forward pass is all <see cref="Forward"/>.</summary>
internal enum CpuPhase
{
    Forward,
    Backward,
    Step,
}

/// <summary>Whether an operation is meant, or which gradient of it.</summary>
internal enum Derivative
{
    None,

    /// <summary>Of what a product reads.</summary>
    Inputs,

    /// <summary>Of a product's weights.</summary>
    Weights,

    /// <summary>Of all, where one kernel gives them.</summary>
    All,
}

/// <summary>One operation of one thread.</summary>
/// <param name="Phase">Of the step.</param>
/// <param name="Operation">Which.</param>
/// <param name="Derivative">Or a gradient of it.</param>
/// <param name="Start">Stopwatch ticks.</param>
/// <param name="End">Stopwatch ticks.</param>
/// <param name="Flop">Floating-point operations of its formula: an activation or a softmax counts none, nor what is computed a second time within it.</param>
/// <param name="Bytes">Operands and results, each once.</param>
internal readonly record struct OperationSpan(CpuPhase Phase, CpuOperation Operation, Derivative Derivative, long Start, long End, long Flop, long Bytes)
{
    /// <summary>FeedForwardDown.dX, LayerNormBackward.</summary>
    internal string Name => Operation + Derivative switch
    {
        Derivative.Inputs => ".dX",
        Derivative.Weights => ".dW",
        Derivative.All => "Backward",
        _ => "",
    };

    /// <summary>Whether it is done in the products' precision; all else is float32.</summary>
    internal bool IsProduct => Operation is CpuOperation.QueryKeyValue or CpuOperation.Attention or CpuOperation.AttentionOutput
        or CpuOperation.FeedForwardUp or CpuOperation.FeedForwardDown;
}

/// <summary>The operations of one thread, for a profile. Each begins where the one before it ended.</summary>
/// <param name="products">Whose operands are counted in bytes.</param>
internal sealed class OperationLog(ProductKernels products)
{
    private readonly List<OperationSpan> _spans = [];
    private CpuPhase _phase;
    private long _last;

    internal IReadOnlyList<OperationSpan> Spans => _spans;

    internal void Clear() => _spans.Clear();

    /// <summary>The thread begins to work.</summary>
    internal void Begin(CpuPhase phase = CpuPhase.Forward) => (_phase, _last) = (phase, Stopwatch.GetTimestamp());

    /// <summary>An operation has ended.</summary>
    internal void Add(CpuOperation operation, long flop = 0, long bytes = 0, Derivative derivative = Derivative.None)
    {
        Debug.Assert(flop >= 0 && bytes >= 0 && _last != 0, "the thread has not begun");
        long now = Stopwatch.GetTimestamp();
        _spans.Add(new OperationSpan(_phase, operation, derivative, _last, now, flop, bytes));
        _last = now;
    }

    /// <summary>A matrix product of operands has ended: [rows, inputs] by [inputs, outputs], and the floats that it adds to each result.</summary>
    internal void AddProduct(
        CpuOperation operation, Store store, long rows, long inputs, long outputs, int addends = 0, Derivative derivative = Derivative.None) =>
        Add(operation, 2 * rows * inputs * outputs,
            products.Size * (rows * inputs + inputs * outputs) + (products.SizeOf(store) + addends * sizeof(float)) * rows * outputs, derivative);

    /// <summary>A head of a sequence has been attended: scores and context of operands.</summary>
    internal void AddAttention(long length, long headSize) =>
        Add(CpuOperation.Attention, 4 * length * length * headSize, 4 * products.Size * length * headSize);

    /// <summary>And back: the gradients of probabilities, values, queries and keys are a product each; the last three are floats.</summary>
    internal void AddAttentionBackward(long length, long headSize) =>
        Add(CpuOperation.Attention, 8 * length * length * headSize, (4 * products.Size + 3 * sizeof(float)) * length * headSize, Derivative.All);

    /// <summary>Floats have become operands; with <paramref name="words"/> also as the gradients of weights read them. Exact ones are what they were.</summary>
    internal void AddCast(long values, bool words)
    {
        if (!products.IsExact) { Add(CpuOperation.Cast, 0, (sizeof(float) + products.Size + (words && products.Group > 1 ? 2 * products.Size : 0)) * values); }
    }

    /// <summary>Weights have been packed.</summary>
    internal void AddPacking(long values) => Add(CpuOperation.Packing, 0, (sizeof(float) + products.Size) * values);

    /// <summary>An operation on each of some floats has ended.</summary>
    internal void AddValues(CpuOperation operation, long values, Derivative derivative = Derivative.None)
    {
        (int flop, int floats) = OfValue(operation, derivative);
        Add(operation, flop * values, floats * sizeof(float) * values, derivative);
    }

    /// <summary>Floating-point operations of a value, and floats read and written.</summary>
    private static (int Flop, int Floats) OfValue(CpuOperation operation, Derivative derivative) => (operation, derivative) switch
    {
        (CpuOperation.Embedding, Derivative.None) => (10, 4), // three rows of tables are added and normalised
        (CpuOperation.Embedding, _) => (3, 7), // added to a row of each table
        (CpuOperation.LayerNorm, Derivative.None) => (8, 2), // mean 1, variance 3, normal form 4
        (CpuOperation.LayerNorm, _) => (17, 3), // mean and variance 4, normal form 2, dy gamma 1, two sums 3, dx 4, dgamma 2, dbeta 1
        (CpuOperation.Activation, _) => (0, 3), // of a training step: sums, values, slopes; slopes, and gradients twice
        (CpuOperation.Dropout, _) => (1, 2),
        (CpuOperation.Residual, _) => (1, 3),
        (CpuOperation.BiasSums, _) => (1, 1),
        (CpuOperation.GradientNorm, _) => (2, 1),
        (CpuOperation.AdamW, _) => (15, 7), // its four lines; value, gradient and moments are read, all but the gradient written
        (CpuOperation.Clearing, _) => (0, 1),
        _ => throw new ArgumentOutOfRangeException(nameof(operation), operation, "is none of values"),
    };
}
