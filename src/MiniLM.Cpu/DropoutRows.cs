using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using MiniLM.Training;

namespace MiniLM.Cpu;

/// <summary>Drops values of rows, or their gradients. Which: <see cref="DropoutMask"/>.</summary>
internal static unsafe class DropoutRows
{
    /// <summary>x[i] = 0 or x[i] * scale.</summary>
    /// <param name="mask">Of the site.</param>
    /// <param name="row">Of the step.</param>
    /// <param name="firstColumn">Of x[0]; a multiple of 8.</param>
    /// <param name="x">[count].</param>
    /// <param name="count">Any.</param>
    internal static void Apply(DropoutMask mask, int row, int firstColumn, float* x, int count)
    {
        if (mask.IsOff) { return; }
        Debug.Assert(x != null && count >= 0 && firstColumn % DropoutMask.Together == 0);
        int block = firstColumn / DropoutMask.Together;
        int i = 0;
        if (Avx2.IsSupported)
        {
            byte* bits = stackalloc byte[PhiloxBlocks.Count];
            Vector256<float> scale = Vector256.Create(mask.Scale);
            Vector256<int> places = Vector256.Create(1, 2, 4, 8, 16, 32, 64, 128);
            for (; i + PhiloxBlocks.Count * DropoutMask.Together <= count; block += PhiloxBlocks.Count)
            {
                mask.Keep(row, block, bits);
                for (int b = 0; b < PhiloxBlocks.Count; b++, i += DropoutMask.Together)
                {
                    Vector256<int> kept = Vector256.Equals(Vector256.Create((int)bits[b]) & places, places);
                    (Vector256.Load(x + i) * scale & kept.AsSingle()).Store(x + i);
                }
            }
        }
        for (; i < count; block++)
        {
            uint keep = mask.Keep(row, block);
            for (int end = Math.Min(count, i + DropoutMask.Together); i < end; i++, keep >>= 1) { x[i] = (keep & 1) != 0 ? x[i] * mask.Scale : 0; }
        }
    }
}
