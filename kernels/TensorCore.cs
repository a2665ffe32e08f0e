using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>16-bit elements that tensor cores multiply (sm_80).</summary>
public interface ITensorElement : IPair
{
    /// <summary>A warp's 16x8 sums plus 16x16 times 16x8.</summary>
    static abstract Float4 Mma(Quad a, uint b0, uint b1, Float4 c);

    /// <summary>The same, or c where the warp does not want it.</summary>
    static abstract Float4 MmaIf(bool wanted, Quad a, uint b0, uint b1, Float4 c);
}

/// <summary>fp16.</summary>
public readonly struct TensorFloat16 : ITensorElement
{
    public static Float4 Mma(Quad a, uint b0, uint b1, Float4 c) => MmaHalf(a, b0, b1, c);
    public static Float4 MmaIf(bool wanted, Quad a, uint b0, uint b1, Float4 c) => MmaHalfIf(wanted, a, b0, b1, c);
    public static uint Pack(float low, float high) => PackHalf2(low, high);
    public static Float2 Unpack(uint pair) => UnpackHalf(pair);
}

/// <summary>bf16.</summary>
public readonly struct TensorBFloat16 : ITensorElement
{
    public static Float4 Mma(Quad a, uint b0, uint b1, Float4 c) => MmaBFloat(a, b0, b1, c);
    public static Float4 MmaIf(bool wanted, Quad a, uint b0, uint b1, Float4 c) => MmaBFloatIf(wanted, a, b0, b1, c);
    public static uint Pack(float low, float high) => PackBFloat2(low, high);
    public static Float2 Unpack(uint pair) => UnpackBFloat(pair);
}

/// <summary>How a k-contiguous tile of 32 elements a row lies in shared memory.</summary>
/// <remarks>
/// A row has 64 bytes; its 16-byte chunk c is stored at c ^ ((row >> 1) &amp; 3). The 8 threads of a copy's phase and the 8 rows of an ldmatrix
/// then touch all 32 banks once: no conflicts for writes or reads (without it 4-way).
/// </remarks>
internal static class SwizzledTile
{
    /// <summary>Bytes of a row.</summary>
    internal const int RowBytes = 64;

    /// <summary>Where a thread's copy goes: chunk (thread &amp; 3) of row thread / 4.</summary>
    internal static uint Put(uint thread) => (thread >> 2) * RowBytes + (((thread & 3) ^ (thread >> 3 & 3)) << 4);

    /// <summary>Where this lane points ldmatrix for the left operand: 16 rows, each 16-wide half of the k step.</summary>
    internal static void LeftLanes(uint[] at, uint tile, uint lane)
    {
        for (int h = 0; h < 2; h++) { at[h] = tile + (lane & 15) * RowBytes + ((((lane >> 4) | (uint)h * 2) ^ (lane >> 1 & 3)) << 4); }
    }

    /// <summary>The same for a right operand whose rows are k: 16 of them, which ldmatrix transposes.</summary>
    internal static void TransposedLanes(uint[] at, uint tile, uint lane)
    {
        for (int h = 0; h < 2; h++) { at[h] = tile + ((lane >> 3 & 1) * 8 + (lane & 7)) * RowBytes + ((((lane >> 4) | (uint)h * 2) ^ (lane >> 1 & 3)) << 4); }
    }

    /// <summary>The same for the right operand, whose rows are the result's columns: 16 of them.</summary>
    internal static void RightLanes(uint[] at, uint tile, uint lane)
    {
        for (int h = 0; h < 2; h++) { at[h] = tile + ((lane >> 4) * 8 + (lane & 7)) * RowBytes + ((((lane >> 3 & 1) | (uint)h * 2) ^ (lane >> 1 & 3)) << 4); }
    }
}

/// <summary>What a warp does with two tiles in shared memory.</summary>
internal static class TensorTile
{
    /// <summary>One k step of 32: sum[rows * 16, columns * 16] += A B^T, in two halves of 16.</summary>
    /// <param name="sum">A fragment for each 16x8.</param>
    /// <param name="aLane">Where this lane points ldmatrix in A, for each half.</param>
    /// <param name="bLane">The same for B.</param>
    /// <param name="stage">Bytes to the stage that is read.</param>
    /// <param name="rows">Constant: fragments of 16 rows.</param>
    /// <param name="columns">Constant: pairs of fragments, 16 columns each.</param>
    internal static void MultiplyStep<TElement>(Float4[,] sum, uint[] aLane, uint[] bLane, uint stage, int rows, int columns)
        where TElement : struct, ITensorElement
    {
        for (int half = 0; half < 2; half++)
        {
            uint aAt = aLane[half] + stage, bAt = bLane[half] + stage;
            Quad[] b = new Quad[columns];
            for (int j = 0; j < columns; j++) { b[j] = LoadMatrices(bAt, j * 16 * SwizzledTile.RowBytes); }
            for (int i = 0; i < rows; i++)
            {
                Quad a = LoadMatrices(aAt, i * 16 * SwizzledTile.RowBytes);
                for (int j = 0; j < columns; j++)
                {
                    sum[i, 2 * j] = TElement.Mma(a, b[j].X, b[j].Y, sum[i, 2 * j]);
                    sum[i, 2 * j + 1] = TElement.Mma(a, b[j].Z, b[j].W, sum[i, 2 * j + 1]);
                }
            }
        }
    }
}

/// <summary>The four lanes that share a row of a fragment.</summary>
internal static class QuadLanes
{
    internal static void Words(uint[] to, Quad from)
    {
        to[0] = from.X;
        to[1] = from.Y;
        to[2] = from.Z;
        to[3] = from.W;
    }

    /// <summary>Word i of lane q of a quad becomes word q of lane i: fragments, 4 bytes a lane every 16, to and from 16 bytes a lane.</summary>
    internal static void Transpose(uint[] words, uint quad)
    {
        bool odd = (quad & 1) != 0, high = (quad & 2) != 0;
        for (int i = 0; i < 4; i += 2)
        {
            uint a = words[i], b = words[i + 1], other = ShuffleXor(odd ? a : b, 1);
            words[i] = odd ? other : a;
            words[i + 1] = odd ? b : other;
        }
        for (int i = 0; i < 2; i++)
        {
            uint a = words[i], b = words[i + 2], other = ShuffleXor(high ? a : b, 2);
            words[i] = high ? other : a;
            words[i + 2] = high ? b : other;
        }
    }

    /// <summary>Dropout's numbers of a row of four fragments: each lane draws the 8 columns of one, and has its two columns of all four then.</summary>
    /// <param name="numbers">Of fragment q the two 16-bit numbers of this lane's columns; untouched where nothing is dropped.</param>
    /// <param name="g">Whose mask.</param>
    /// <param name="row">Of the step.</param>
    /// <param name="block">The first fragment's first column / 8.</param>
    /// <param name="quad">This lane in its quad.</param>
    internal static void Draw(uint[] numbers, DropoutArguments g, uint row, uint block, uint quad)
    {
        if (g.Threshold != 0)
        {
            Words(numbers, Dropout.Words(g, row, block + quad));
            Transpose(numbers, quad);
        }
    }
}
