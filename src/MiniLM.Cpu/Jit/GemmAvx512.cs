using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using Zmm = Iced.Intel.AssemblerRegisterZMM;

namespace MiniLM.Cpu.Jit;

/// <summary>Assembles C[rows, panels of 32 columns] = epilogue(start + A B) for one height and epilogue.</summary>
/// <remarks>
/// For each panel: sums = start; for k: two vectors of B; for each row: broadcast A[row, k], sums[row] += a b; epilogue(sums) -> C.
/// Two bfloat16 are one broadcast of 32 bits: but for the instruction and the store all precisions are the same code.
/// A row's sums depend on its own values and on k's order alone, so that neither height nor neighbours can change a bit.
/// Bound by FMA: rows x 2 of them for 2 loads of B and rows broadcasts; 97-99 % of the roof with operands in L2 (heights of 4 and more).
/// </remarks>
internal static unsafe class GemmAvx512
{
    internal const int Tallest = 14; // 28 sums, 2 vectors of B, 2 broadcasts in rotation: all 32 registers
    private const int Vectors = 2, Unroll = 4;

    private static readonly AssemblerRegister64[] RowBases = [rax, rcx, rdx, r8, r9];

    internal static AssemblerMemoryOperand Argument(GemmField field) => __qword_ptr[rdi + 8 * (int)field];

    /// <param name="rows">At most <see cref="Tallest"/>.</param>
    /// <param name="epilogue">What becomes of the sums.</param>
    /// <param name="windows">Calling convention.</param>
    /// <param name="dot">Of what operands.</param>
    /// <param name="narrow">C is bfloat16.</param>
    internal static byte[] Assemble(int rows, Epilogue epilogue, bool windows, Dot dot = Dot.Float32, bool narrow = false)
    {
        var c = new KernelAssembler(windows);
        var step = EpilogueStep.For(epilogue, dot);
        int sums = rows * Vectors;
        (AssemblerRegister64 stride, AssemblerRegister64 b, AssemblerRegister64 k, AssemblerRegister64 cRow, AssemblerRegister64 cPanel,
            AssemblerRegister64 start) =
            (rsi, r10, r11, rbx, r12, r14);

        c.Enter();
        c.mov(stride, Argument(GemmField.AStride));
        c.mov(b, Argument(GemmField.B));
        c.mov(cPanel, Argument(GemmField.C));
        c.mov(start, Argument(GemmField.Start));
        Label panel = c.CreateLabel(), zero = c.CreateLabel(), product = c.CreateLabel();
        c.Label(ref panel);

        c.test(start, start);
        c.jz(zero);
        for (int v = 0; v < Vectors; v++) { c.vmovups(Sum(0, v), __zmmword_ptr[start + 64 * v]); }
        for (int i = Vectors; i < sums; i++) { c.vmovaps(KernelAssembler.Zmm[i], Sum(0, i % Vectors)); }
        c.add(start, 64 * Vectors);
        c.jmp(product);
        c.Label(ref zero);
        for (int i = 0; i < sums; i++) { c.vpxord(KernelAssembler.Zmm[i], KernelAssembler.Zmm[i], KernelAssembler.Zmm[i]); }
        c.Label(ref product);

        Product(c, dot, rows, stride, b, k);

        c.mov(cRow, cPanel);
        step?.Panel(c, Vectors);
        for (int row = 0; row < rows; row++)
        {
            for (int v = 0; v < Vectors; v++)
            {
                step?.Emit(c, Sum(row, v), KernelAssembler.Zmm.AsSpan(sums), row, v);
                if (!narrow) { c.vmovups(__zmmword_ptr[cRow + 64 * v], Sum(row, v)); }
            }
            if (narrow)
            {
                c.vcvtne2ps2bf16(Sum(row, 0), Sum(row, 1), Sum(row, 0)); // the second source is the lower half
                c.vmovups(__zmmword_ptr[cRow], Sum(row, 0));
            }
            if (row + 1 == rows) { break; }
            c.add(cRow, Argument(GemmField.CStride));
            step?.NextRow(c);
        }
        c.add(cPanel, Argument(GemmField.CPanel));
        c.dec(Argument(GemmField.Panels));
        c.jnz(panel);
        c.Leave();
        return c.Encode();
    }

    private static Zmm Sum(int row, int v) => KernelAssembler.Zmm[row * Vectors + v];

    /// <summary>sums += A B over all of K; leaves b at the next panel.</summary>
    private static void Product(KernelAssembler c, Dot dot, int rows, AssemblerRegister64 stride, AssemblerRegister64 b, AssemblerRegister64 k)
    {
        // Five bases, three rows each: base, base + stride, base + 2 stride.
        c.mov(RowBases[0], Argument(GemmField.A));
        for (int i = 1; i * 3 < rows; i++)
        {
            c.lea(RowBases[i], __[RowBases[i - 1] + stride * 2]);
            c.add(RowBases[i], stride);
        }
        Label whole = c.CreateLabel(), rest = c.CreateLabel(), single = c.CreateLabel(), done = c.CreateLabel();
        c.mov(k, Argument(GemmField.K));
        c.shr(k, (byte)int.Log2(Unroll));
        c.jz(rest);
        c.Label(ref whole);
        Steps(c, dot, rows, stride, b, Unroll);
        c.dec(k);
        c.jnz(whole);
        c.Label(ref rest);
        c.mov(k, Argument(GemmField.K));
        c.and(k, Unroll - 1);
        c.jz(done);
        c.Label(ref single);
        Steps(c, dot, rows, stride, b, 1);
        c.dec(k);
        c.jnz(single);
        c.Label(ref done);
        c.nop(); // a label needs an instruction of its own: the epilogue may begin with one too
    }

    private static void Steps(KernelAssembler c, Dot dot, int rows, AssemblerRegister64 stride, AssemblerRegister64 b, int count)
    {
        ReadOnlySpan<Zmm> broadcasts = KernelAssembler.Zmm.AsSpan(rows * Vectors, 32 - Vectors - rows * Vectors); // they rotate through what is left
        ReadOnlySpan<Zmm> columns = KernelAssembler.Zmm.AsSpan(32 - Vectors);
        for (int step = 0; step < count; step++)
        {
            for (int v = 0; v < Vectors; v++) { c.vmovups(columns[v], __zmmword_ptr[b + 64 * (step * Vectors + v)]); }
            for (int row = 0; row < rows; row++)
            {
                Zmm a = broadcasts[(step * rows + row) % broadcasts.Length];
                AssemblerRegister64 @base = RowBases[row / 3];
                c.vbroadcastss(a, (row % 3) switch
                {
                    0 => __dword_ptr[@base + 4 * step],
                    1 => __dword_ptr[@base + stride + 4 * step],
                    _ => __dword_ptr[@base + stride * 2 + 4 * step],
                });
                for (int v = 0; v < Vectors; v++) { c.MultiplyAdd(dot, Sum(row, v), a, columns[v]); }
            }
        }
        c.add(b, 64 * Vectors * count);
        for (int i = 0; i * 3 < rows; i++) { c.add(RowBases[i], 4 * count); }
    }
}
