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

    internal static Instruction[] Decode(byte[] code)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code));
        var instructions = new List<Instruction>();
        do { instructions.Add(decoder.Decode()); } while (instructions[^1].Mnemonic != Mnemonic.Ret); // constants follow
        return [.. instructions];
    }
}
