using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using MiniLM.Training;

namespace MiniLM.Cpu;

/// <summary>Drops values of rows, or their gradients. Which: <see cref="DropoutMask"/>.</summary>
internal static unsafe class DropoutRows
{
    private const int AtOnce = PhiloxBlocks.Count * DropoutMask.Together;

    /// <summary>x[i] = 0 or x[i] * scale.</summary>
    /// <param name="mask">Of the site.</param>
    /// <param name="row">Of the step.</param>
    /// <param name="firstColumn">Of x[0]; a multiple of 8.</param>
    /// <param name="x">[count].</param>
    /// <param name="count">Any.</param>
    internal static void Apply(DropoutMask mask, int row, int firstColumn, float* x, int count)
    {
        if (mask.IsOff) { return; }
        int* kept = stackalloc int[PhiloxBlocks.Count];
        for (int i = 0; i < count; i += AtOnce)
        {
            int columns = Math.Min(AtOnce, count - i);
            Draw(mask, row, firstColumn + i, columns, kept);
            Apply(kept, mask.Scale, x + i, columns);
        }
    }

    /// <summary>Which columns of a row are kept.</summary>
    /// <param name="mask">Of the site.</param>
    /// <param name="row">Of the step.</param>
    /// <param name="firstColumn">A multiple of 8.</param>
    /// <param name="count">Any.</param>
    /// <param name="kept">[<see cref="Words"/> of count]: a bit each of eight columns.</param>
    internal static void Draw(DropoutMask mask, int row, int firstColumn, int count, int* kept)
    {
        Debug.Assert(kept != null && count >= 0 && firstColumn % DropoutMask.Together == 0);
        int first = firstColumn / DropoutMask.Together, blocks = (count + DropoutMask.Together - 1) / DropoutMask.Together;
        if (!Avx2.IsSupported) { DrawEach(mask, row, first, blocks, kept); return; }
        for (int b = 0; b < blocks; b += PhiloxBlocks.Count) { mask.KeepBlocks(row, first + b).Store(kept + b); } // eight take the time of one by itself
    }

    /// <summary>Blocks one by one, where there is no AVX2 for eight.</summary>
    internal static void DrawEach(DropoutMask mask, int row, int first, int blocks, int* kept)
    {
        for (int b = 0; b < blocks; b++) { kept[b] = (int)mask.Keep(row, first + b); }
    }

    /// <summary>What <see cref="Draw"/> needs for so many columns.</summary>
    internal static int Words(int count) => (count + AtOnce - 1) / AtOnce * PhiloxBlocks.Count;

    /// <summary>x[i] = 0 or x[i] * scale.</summary>
    /// <param name="kept">As drawn.</param>
    /// <param name="scale">Of the mask.</param>
    /// <param name="x">[count].</param>
    /// <param name="count">Any.</param>
    internal static void Apply(int* kept, float scale, float* x, int count)
    {
        Debug.Assert(kept != null && (x != null || count == 0));
        Vector256<float> scales = Vector256.Create(scale);
        Vector256<int> places = Vector256.Create(1, 2, 4, 8, 16, 32, 64, 128);
        int whole = count / DropoutMask.Together;
        for (int b = 0; b < whole; b++, x += DropoutMask.Together)
        {
            Vector256<int> isKept = Vector256.Equals(Vector256.Create(kept[b]) & places, places);
            (Vector256.Load(x) * scales & isKept.AsSingle()).Store(x);
        }
        for (int i = 0; i < count % DropoutMask.Together; i++) { x[i] = (kept[whole] >> i & 1) != 0 ? x[i] * scale : 0; }
    }
}
