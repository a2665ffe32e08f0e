using Iced.Intel;
using Zmm = Iced.Intel.AssemblerRegisterZMM;

namespace MiniLM.Cpu.Jit;

/// <summary>The instruction that multiplies and adds 16 columns.</summary>
internal enum Dot
{
    Float32,

    /// <summary>Two neighbours of k at a time (AVX512-BF16). Denormal operands and sums count as 0.</summary>
    BFloat16,
}

internal static class Dots
{
    /// <summary>Neighbours of k in 32 bits.</summary>
    internal static int Group(this Dot dot) => dot == Dot.BFloat16 ? 2 : 1;

    internal static void MultiplyAdd(this Assembler assembler, Dot dot, Zmm sum, Zmm a, Zmm b)
    {
        if (dot == Dot.BFloat16) { assembler.vdpbf16ps(sum, a, b); } else { assembler.vfmadd231ps(sum, a, b); }
    }
}
