using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>Dropout by Philox4x32-10 (Salmon et al. 2011): a mask is a function of its place, so nothing is stored of it, and every kernel, on
/// whatever device, draws the same.</summary>
/// <remarks>key = seed, counter = (column / 8, row of the step, site + 8 x layer, step): four words, a 16-bit number a column, low halves first.
/// About 66 integer instructions for eight decisions.</remarks>
public static class Dropout
{
    private const int Threads = 128, Warps = Threads / 32, Rounds = 10;
    private const uint FactorA = 0xD2511F53, FactorB = 0xCD9E8D57, GoldenRatio = 0x9E3779B9, RootOfThree = 0xBB67AE85;

    /// <summary>Rows of the head, fp32. A warp a row; the grid is (rows / 4 rounded up, 1).</summary>
    [Kernel(60, Threads, TileRows = Warps)]
    public static void DropoutF32(DropoutRowsArguments g)
    {
        uint row = (uint)Grid.IdxX * Warps + ((uint)Group.IdxX >> 5);
        if (row >= g.Rows) { return; }
        uint number = Load(g.Dropout.Rows + Wide(row, 4), 0);
        for (uint d = ((uint)Group.IdxX & 31) * 4; d < g.Padded; d += 128)
        {
            Store(g.Y + Wide(row, g.StrideY) + Wide(d, 4), 0, Drop(LoadFloat4(g.X + Wide(row, g.StrideX) + Wide(d, 4), 0), g.Dropout, number, d));
        }
    }

    /// <summary>The numbers of columns 8 block .. 8 block + 7, two a word.</summary>
    internal static Quad Words(DropoutArguments g, uint row, uint block)
    {
        uint a = block, b = row, c = g.Place, d = g.Step, low = g.SeedLow, high = g.SeedHigh;
        for (int round = 0; round < Rounds; round++)
        {
            ulong first = Wide(a, FactorA), second = Wide(c, FactorB);
            a = (uint)(second >> 32) ^ b ^ low;
            b = (uint)second;
            c = (uint)(first >> 32) ^ d ^ high;
            d = (uint)first;
            low += GoldenRatio;
            high += RootOfThree;
        }
        return new Quad { X = a, Y = b, Z = c, W = d };
    }

    /// <summary>Columns <paramref name="column"/> (a multiple of 4) and the three behind it.</summary>
    internal static Float4 Drop(Float4 x, DropoutArguments g, uint row, uint column)
    {
        if (g.Threshold != 0)
        {
            Quad words = Words(g, row, column >> 3);
            bool isUpper = (column & 4) != 0;
            uint first = isUpper ? words.Z : words.X, second = isUpper ? words.W : words.Y;
            x = new Float4
            {
                X = x.X * Factor(first & 0xffff, g),
                Y = x.Y * Factor(first >> 16, g),
                Z = x.Z * Factor(second & 0xffff, g),
                W = x.W * Factor(second >> 16, g),
            };
        }
        return x;
    }

    /// <summary>Which of columns 8 block .. 8 block + 7 are kept, one bit each.</summary>
    internal static uint Bits(DropoutArguments g, uint row, uint block)
    {
        Quad words = Words(g, row, block);
        return Bits(words.X, g) | Bits(words.Y, g) << 2 | Bits(words.Z, g) << 4 | Bits(words.W, g) << 6;
    }

    private static uint Bits(uint word, DropoutArguments g) => ((word & 0xffff) >= g.Threshold ? 1u : 0u) | (word >> 16 >= g.Threshold ? 2u : 0u);

    /// <summary>0 for a dropped value.</summary>
    internal static float Factor(uint number, DropoutArguments g) => number >= g.Threshold ? g.Scale : 0;
}
