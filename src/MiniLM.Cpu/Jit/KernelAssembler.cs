using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace MiniLM.Cpu.Jit;

/// <summary>An assembler plus what every kernel needs: registers by number, constants behind the code, and the calling convention.</summary>
internal sealed class KernelAssembler : Assembler
{
    internal static readonly AssemblerRegisterZMM[] Zmm =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
        zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27, zmm28, zmm29, zmm30, zmm31,
    ];

    private static readonly AssemblerRegister64[] Saved = [rbx, r12, r14];
    private static readonly AssemblerRegisterXMM[] SavedOnWindows = [xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15];

    private readonly bool _windows;
    private readonly Dictionary<uint, Label> _scalars = [];
    private readonly List<(Label Place, float[] Values)> _tables = [];

    /// <param name="windows">Microsoft's calling convention instead of System V's.</param>
    internal KernelAssembler(bool windows) : base(64)
    {
        PreferVex = false; // otherwise registers 16 and above cannot be encoded
        _windows = windows;
    }

    /// <summary>A 32-bit constant, read with an embedded broadcast.</summary>
    internal AssemblerMemoryOperand Constant(float value) => Constant(BitConverter.SingleToUInt32Bits(value));

    internal AssemblerMemoryOperand Constant(uint bits) => __dword_bcst[Place(bits)];

    /// <summary>The same place, for instructions that take one value.</summary>
    internal AssemblerMemoryOperand Scalar(float value) => __dword_ptr[Place(BitConverter.SingleToUInt32Bits(value))];

    private Label Place(uint bits)
    {
        if (!_scalars.TryGetValue(bits, out Label place)) { _scalars[bits] = place = CreateLabel(); }
        return place;
    }

    /// <summary>Sixteen constants, read as one vector.</summary>
    internal AssemblerMemoryOperand Table(float[] values)
    {
        int known = _tables.FindIndex(table => ReferenceEquals(table.Values, values));
        if (known < 0)
        {
            known = _tables.Count;
            _tables.Add((CreateLabel(), values));
        }
        return __zmmword_ptr[_tables[known].Place];
    }

    /// <summary>Saves what the caller owns; the one argument is then in rdi.</summary>
    internal void Enter()
    {
        foreach (AssemblerRegister64 register in Saved) { push(register); }
        if (!_windows) { return; }
        push(rdi);
        push(rsi);
        sub(rsp, 16 * SavedOnWindows.Length);
        for (int i = 0; i < SavedOnWindows.Length; i++) { vmovups(__xmmword_ptr[rsp + 16 * i], SavedOnWindows[i]); }
        mov(rdi, rcx);
    }

    internal void Leave()
    {
        vzeroupper();
        if (_windows)
        {
            for (int i = 0; i < SavedOnWindows.Length; i++) { vmovups(SavedOnWindows[i], __xmmword_ptr[rsp + 16 * i]); }
            add(rsp, 16 * SavedOnWindows.Length);
            pop(rsi);
            pop(rdi);
        }
        for (int i = Saved.Length - 1; i >= 0; i--) { pop(Saved[i]); }
        ret();
    }

    /// <summary>The machine code, constants behind it.</summary>
    internal byte[] Encode()
    {
        foreach ((uint bits, Label place) in _scalars)
        {
            Label label = place;
            Label(ref label);
            dd(bits);
        }
        foreach ((Label place, float[] values) in _tables)
        {
            Label label = place;
            Label(ref label);
            foreach (float value in values) { dd(BitConverter.SingleToUInt32Bits(value)); }
        }
        var bytes = new MemoryStream(4096);
        Assemble(new StreamCodeWriter(bytes), 0);
        return bytes.ToArray();
    }
}
