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

    // Windows owns rdi, rsi and xmm6-15 of its callers; no Windows runs these tests, so the code itself is looked at.
    [Fact]
    public void WindowsKernels_SaveWhatTheirCallersOwn()
    {
        Instruction[] code = Decode(GemmAvx512.Assemble(14, Epilogue.Gelu, windows: true));
        Register[] saved = [.. code.TakeWhile(instruction => instruction.Mnemonic is Mnemonic.Push or Mnemonic.Sub or Mnemonic.Vmovups).Select(instruction =>
            instruction.Mnemonic == Mnemonic.Vmovups ? instruction.Op1Register : instruction.Op0Register)];
        foreach (Register register in new[] { Register.RDI, Register.RSI, Register.RBX, Register.R12, Register.R14 }) { Assert.Contains(register, saved); }
        for (Register register = Register.XMM6; register <= Register.XMM15; register++) { Assert.Contains(register, saved); }
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void AKernel_RestoresWhatItSaved_FromPlacesOfItsOwn(bool windows)
    {
        Instruction[] code = Decode(GemmAvx512.Assemble(14, Epilogue.Gelu, windows));
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
    }

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
