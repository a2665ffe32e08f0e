using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace MiniLM.Cpu.Jit;

/// <summary>Nothing but independent FMAs on registers: the roof that GEMM is measured against.</summary>
internal static class FmaAvx512
{
    internal const int FlopsARound = 24 * 16 * 2; // of float32

    /// <summary>void kernel(long* rounds): 24 sums, enough for two ports of four cycles' latency.</summary>
    internal static byte[] Assemble(bool windows, Dot dot = Dot.Float32)
    {
        var c = new KernelAssembler(windows);
        c.Enter();
        c.mov(rax, __qword_ptr[rdi]);
        foreach (AssemblerRegisterZMM register in KernelAssembler.Zmm) { c.vpxord(register, register, register); }
        Label round = c.CreateLabel();
        c.Label(ref round);
        for (int sum = 0; sum < 24; sum++) { c.MultiplyAdd(dot, KernelAssembler.Zmm[sum], zmm30, zmm31); }
        c.dec(rax);
        c.jnz(round);
        c.Leave();
        return c.Encode();
    }
}
