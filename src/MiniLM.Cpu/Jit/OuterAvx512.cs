using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using Zmm = Iced.Intel.AssemblerRegisterZMM;

namespace MiniLM.Cpu.Jit;

/// <summary>Assembles one tile of an outer product for one number of channels: C[channels, 32] = sum over rows of A[row, channel] B[row, 32].</summary>
/// <remarks>
/// For each row: two vectors of B; for each channel: broadcast A, two FMAs. As in <see cref="GemmAvx512"/>, but a channel is the next 32 bits of a row.
/// </remarks>
internal static class OuterAvx512
{
    internal const int Tallest = GemmAvx512.Tallest;
    private const int Vectors = 2, Unroll = 4;

    private static AssemblerMemoryOperand Argument(OuterField field) => __qword_ptr[rdi + 8 * (int)field];

    internal static byte[] Assemble(int channels, bool windows, Dot dot = Dot.Float32)
    {
        var code = new KernelAssembler(windows);
        (AssemblerRegister64 a, AssemblerRegister64 aStep, AssemblerRegister64 b, AssemblerRegister64 bStep, AssemblerRegister64 rows, AssemblerRegister64 c) =
            (rax, rcx, rdx, r8, r10, r11);
        code.Enter();
        code.mov(a, Argument(OuterField.A));
        code.mov(aStep, Argument(OuterField.AStep));
        code.mov(b, Argument(OuterField.B));
        code.mov(bStep, Argument(OuterField.BStep));
        code.mov(c, Argument(OuterField.C));
        for (int i = 0; i < channels * Vectors; i++) { code.vpxord(KernelAssembler.Zmm[i], KernelAssembler.Zmm[i], KernelAssembler.Zmm[i]); }
        Label whole = code.CreateLabel(), rest = code.CreateLabel(), single = code.CreateLabel(), done = code.CreateLabel();
        code.mov(rows, Argument(OuterField.Rows));
        code.shr(rows, (byte)int.Log2(Unroll));
        code.jz(rest);
        code.Label(ref whole);
        for (int step = 0; step < Unroll; step++) { Row(step); }
        code.dec(rows);
        code.jnz(whole);
        code.Label(ref rest);
        code.mov(rows, Argument(OuterField.Rows));
        code.and(rows, Unroll - 1);
        code.jz(done);
        code.Label(ref single);
        Row(0);
        code.dec(rows);
        code.jnz(single);
        code.Label(ref done);
        code.nop();
        for (int channel = 0; channel < channels; channel++)
        {
            for (int v = 0; v < Vectors; v++) { code.vmovups(__zmmword_ptr[c + 64 * (channel * Vectors + v)], KernelAssembler.Zmm[channel * Vectors + v]); }
        }
        code.Leave();
        return code.Encode();

        void Row(int step)
        {
            ReadOnlySpan<Zmm> broadcasts = KernelAssembler.Zmm.AsSpan(channels * Vectors, 32 - Vectors - channels * Vectors);
            ReadOnlySpan<Zmm> columns = KernelAssembler.Zmm.AsSpan(32 - Vectors);
            for (int v = 0; v < Vectors; v++) { code.vmovups(columns[v], __zmmword_ptr[b + 64 * v]); }
            code.add(b, bStep);
            for (int channel = 0; channel < channels; channel++)
            {
                Zmm value = broadcasts[(step * channels + channel) % broadcasts.Length];
                code.vbroadcastss(value, __dword_ptr[a + 4 * channel]);
                for (int v = 0; v < Vectors; v++) { code.MultiplyAdd(dot, KernelAssembler.Zmm[channel * Vectors + v], value, columns[v]); }
            }
            code.add(a, aStep);
        }
    }
}
