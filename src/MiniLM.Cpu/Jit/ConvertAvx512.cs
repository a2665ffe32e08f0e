using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace MiniLM.Cpu.Jit;

/// <summary>All that one conversion reads; eight bytes a field.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ConvertCall
{
    internal float* From;
    internal void* To;

    /// <summary>Of <see cref="ConvertAvx512.Step"/> values, at least one.</summary>
    internal nint Steps;
}

/// <summary>Assembles the rounding of a row of floats to bfloat16, by AVX512-BF16.</summary>
internal static class ConvertAvx512
{
    internal const int Step = 32;

    internal static byte[] Assemble(bool windows)
    {
        var c = new KernelAssembler(windows);
        (AssemblerRegister64 from, AssemblerRegister64 to, AssemblerRegister64 steps) = (rax, rcx, rdx);
        c.Enter();
        c.mov(steps, __qword_ptr[rdi + 16]);
        c.mov(from, __qword_ptr[rdi]);
        c.mov(to, __qword_ptr[rdi + 8]);
        Label step = c.CreateLabel();
        c.Label(ref step);
        c.vmovups(zmm0, __zmmword_ptr[from + 64]);
        c.vcvtne2ps2bf16(zmm0, zmm0, __zmmword_ptr[from]); // the second source is the lower half
        c.vmovups(__zmmword_ptr[to], zmm0);
        c.add(from, 128);
        c.add(to, 64);
        c.dec(steps);
        c.jnz(step);
        c.Leave();
        return c.Encode();
    }
}
