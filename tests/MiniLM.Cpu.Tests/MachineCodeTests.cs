using Iced.Intel;
using MiniLM.Cpu.Jit;

namespace MiniLM.Cpu.Tests;

public sealed class MachineCodeTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EveryKernel_DecodesToTheFmasItNeeds(bool windows)
    {
        foreach (Epilogue epilogue in Enum.GetValues<Epilogue>())
        {
            for (int rows = 1; rows <= GemmAvx512.Tallest; rows++)
            {
                Instruction[] code = Decode(GemmAvx512.Assemble(rows, epilogue, windows));
                // The loop is unrolled four times and has one more step for what is left of K, two vectors wide.
                Assert.True(code.Count(instruction => instruction.Mnemonic == Mnemonic.Vfmadd231ps) >= 5 * 2 * rows);
                Assert.Single(code, instruction => instruction.Mnemonic == Mnemonic.Ret);
                int pushes = code.Count(instruction => instruction.Mnemonic == Mnemonic.Push),
                    pops = code.Count(instruction => instruction.Mnemonic == Mnemonic.Pop);
                Assert.Equal(pushes, pops);
            }
        }
    }

    private static readonly (string Name, Func<bool, byte[]> Assemble)[] Kernels =
    [
        ("gemm", windows => GemmAvx512.Assemble(GemmAvx512.Tallest, Epilogue.Gelu, windows)),
        ("gemm of bfloat16", windows => GemmAvx512.Assemble(GemmAvx512.Tallest, Epilogue.AddResidual, windows, Dot.BFloat16, narrow: true)),
        ("outer", windows => OuterAvx512.Assemble(OuterAvx512.Tallest, windows)),
        ("convert", ConvertAvx512.Assemble),
        ("roof", windows => FmaAvx512.Assemble(windows)),
    ];

    public static TheoryData<string, bool> All() => [.. from kernel in Kernels from windows in new[] { false, true } select (kernel.Name, windows)];

    // No Windows runs these tests, and a caller that owns a register may not use it: so the code itself is looked at.
    [Theory, MemberData(nameof(All))]
    public void AKernel_RestoresWhatItsCallerOwns_FromPlacesOfItsOwn(string name, bool windows)
    {
        Instruction[] code = Decode(Kernels.Single(kernel => kernel.Name == name).Assemble(windows));
        int body = Array.FindIndex(code, instruction => instruction.Mnemonic is not (Mnemonic.Push or Mnemonic.Sub or Mnemonic.Vmovups));
        int end = Array.FindLastIndex(code, instruction => instruction.Mnemonic == Mnemonic.Vzeroupper);
        Assert.InRange(end, body, code.Length);
        (Dictionary<Register, long> saved, long frame) = Places(code.AsSpan(0, body), 0);
        (Dictionary<Register, long> restored, long left) = Places(code.AsSpan(end + 1), frame);
        Assert.Equal(saved, restored);
        Assert.Equal(0, left);
        long free = frame;
        foreach ((Register register, long place) in saved.OrderBy(entry => entry.Value))
        {
            Assert.InRange(place, free, -register.GetSize());
            free = place + (register.IsXMM() ? 16 : 8);
        }
        if (windows) { Assert.Equal((Mnemonic.Mov, Register.RDI, Register.RCX), (code[body].Mnemonic, code[body].Op0Register, code[body].Op1Register)); }
        HashSet<Register> owned = [.. Written(code.AsSpan(body, end - body)).Where(register => IsOwned(register, windows))];
        owned.ExceptWith(saved.Keys.Select(register => register.GetFullRegister()));
        Assert.Empty(owned);
    }

    private static HashSet<Register> Written(ReadOnlySpan<Instruction> code)
    {
        InstructionInfoFactory factory = new();
        HashSet<Register> written = [];
        foreach (Instruction instruction in code)
        {
            written.UnionWith(factory.GetInfo(instruction).GetUsedRegisters().Where(used => used.Access is not (OpAccess.Read or OpAccess.CondRead))
                .Select(used => used.Register.GetFullRegister()));
        }
        return written;
    }

    // System V: rbx, rbp, r12 to r15; Windows: those, rdi, rsi and xmm6 to xmm15.
    private static bool IsOwned(Register register, bool windows) => register is Register.RBX or Register.RBP or (>= Register.R12 and <= Register.R15)
        || windows && register is Register.RDI or Register.RSI or (>= Register.ZMM6 and <= Register.ZMM15);

    // Where registers lie on the stack, from its top at the call, and the stack pointer behind the code.
    private static (Dictionary<Register, long> Places, long Pointer) Places(ReadOnlySpan<Instruction> code, long pointer)
    {
        Dictionary<Register, long> places = [];
        foreach (Instruction instruction in code)
        {
            switch (instruction.Mnemonic)
            {
                case Mnemonic.Push: places.Add(instruction.Op0Register, pointer -= 8); break;
                case Mnemonic.Pop: places.Add(instruction.Op0Register, pointer); pointer += 8; break;
                case Mnemonic.Sub: pointer -= (long)instruction.GetImmediate(1); break;
                case Mnemonic.Add: pointer += (long)instruction.GetImmediate(1); break;
                case Mnemonic.Ret: break;
                default:
                    Assert.Equal((Mnemonic.Vmovups, Register.RSP), (instruction.Mnemonic, instruction.MemoryBase));
                    Register register = instruction.Op0Kind == OpKind.Register ? instruction.Op0Register : instruction.Op1Register;
                    places.Add(register, pointer + (long)instruction.MemoryDisplacement64);
                    break;
            }
        }
        return (places, pointer);
    }

    internal static Instruction[] Decode(byte[] code)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code));
        var instructions = new List<Instruction>();
        do { instructions.Add(decoder.Decode()); } while (instructions[^1].Mnemonic != Mnemonic.Ret); // constants follow
        return [.. instructions];
    }
}
