using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MiniLM.Training;

/// <summary>Where a model drops values.</summary>
internal enum DropoutSite
{
    /// <summary>Behind the LayerNorm of the embeddings.</summary>
    Embeddings,

    /// <summary>Probabilities of attention; the column of head h and key k is h x 65,536 + k.</summary>
    Attention,

    /// <summary>Behind the product that follows attention, before the residual is added.</summary>
    AttentionOutput,

    /// <summary>Behind the second product of the feed-forward layer, before the residual is added.</summary>
    FeedForwardOutput,

    /// <summary>Inputs of a classifier's dense modules; the layer is the module's number.</summary>
    Classifier,
}

/// <summary>The dropout of one pass of a training step: the same masks on every device, for every cut into batches and number of threads.</summary>
/// <param name="Seed">Of the run.</param>
/// <param name="Step">Of the run.</param>
/// <param name="FirstRows">Per sequence of the batch, the number of its first token among all tokens of the step, in the order of the data.</param>
internal readonly record struct StepDropout(ulong Seed, uint Step, int[] FirstRows)
{
    internal DropoutMask At(DropoutSite site, int layer, float probability) => new(Seed, Step, site, layer, probability);
}

/// <summary>Which values of one site of one layer are kept; <c>default</c> keeps all.</summary>
/// <remarks>
/// Philox4x32-10 with key = seed and counter = (column / 8, row, site + 8 x layer, step) gives the 16-bit numbers of eight columns, the low half of each word
/// first; a value is kept where its number is at least round(65,536 p).
/// </remarks>
internal readonly struct DropoutMask
{
    private readonly uint _seedLow, _seedHigh, _step, _place;

    /// <param name="seed">Of the run.</param>
    /// <param name="step">Of the run.</param>
    /// <param name="site">Where.</param>
    /// <param name="layer">From 0.</param>
    /// <param name="probability">That a value is dropped, 0 to below 1.</param>
    internal DropoutMask(ulong seed, uint step, DropoutSite site, int layer, float probability)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(probability);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(probability, 1);
        (_seedLow, _seedHigh, _step, _place) = ((uint)seed, (uint)(seed >> 32), step, (uint)site + 8 * (uint)layer);
        Threshold = (uint)MathF.Round(65536 * probability);
        Scale = 1 / (1 - probability);
    }

    internal const int Together = 8;

    internal bool IsOff => Threshold == 0;

    /// <summary>A value is kept where its number is at least this.</summary>
    internal uint Threshold { get; }

    /// <summary>What kept values are multiplied by.</summary>
    internal float Scale { get; }

    /// <summary>Whether columns 8 block to 8 block + 7 of a row are kept, one bit each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint Keep(int row, int block)
    {
        (uint a, uint b, uint c, uint d) = Philox.Words((uint)block, (uint)row, _place, _step, _seedLow, _seedHigh);
        uint threshold = Threshold;
        return Bit(a & 0xffff, 0) | Bit(a >> 16, 1) | Bit(b & 0xffff, 2) | Bit(b >> 16, 3)
            | Bit(c & 0xffff, 4) | Bit(c >> 16, 5) | Bit(d & 0xffff, 6) | Bit(d >> 16, 7);

        uint Bit(uint number, int at) => (number >= threshold ? 1u : 0u) << at;
    }

    /// <summary>The same for blocks block to block + 7, where the processor has AVX2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Vector256<int> KeepBlocks(int row, int block)
    {
        PhiloxBlocks.Words((uint)block, (uint)row, _place, _step, _seedLow, _seedHigh,
            out Vector256<uint> a, out Vector256<uint> b, out Vector256<uint> c, out Vector256<uint> d);
        Vector256<int> below = Vector256.Create((int)Threshold - 1); // at least is two instructions, greater is one
        return Bits(a, below, 0) | Bits(b, below, 2) | Bits(c, below, 4) | Bits(d, below, 6);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Bits(Vector256<uint> words, Vector256<int> below, int at) =>
        (Vector256.GreaterThan(words.AsInt32() & Vector256.Create(0xffff), below) & Vector256.Create(1 << at))
        | (Vector256.GreaterThan(Vector256.ShiftRightLogical(words, 16).AsInt32(), below) & Vector256.Create(2 << at));

    /// <summary>0 for a dropped value, <see cref="Scale"/> for a kept one.</summary>
    internal float Factor(int row, int column) => IsOff ? 1 : (Keep(row, column / Together) >> (column % Together) & 1) * Scale;
}
