using Iced.Intel;
using MiniLM.Compute;
using MiniLM.Cpu.Jit;
using MiniLM.Cpu.Threading;

namespace MiniLM.Cpu.Tests;

public sealed class RoofTests
{
    [Fact]
    public void SumOfBests_IsEveryThreadsShortestRunWhateverDisturbsTheOthers()
    {
        using WorkerPool pool = new(3);
        // Each thread has a clock of its own: runs take 10, 20 and 40 ms; all but its fifth are disturbed.
        long tick = System.Diagnostics.Stopwatch.Frequency / 1000;
        using ThreadLocal<long> now = new(), runs = new();
        double rate = Roof.SumOfBests(pool, work: 6, member => now.Value += tick * (10L << member) * (++runs.Value == 5 ? 1 : 3), () => now.Value);
        Assert.Equal(6 / 0.01 + 6 / 0.02 + 6 / 0.04, rate, 1e-6);
    }

    [Fact]
    public void SumOfBests_OfARunTooShortForTheClockIsFinite()
    {
        using WorkerPool pool = new(1);
        Assert.Equal(System.Diagnostics.Stopwatch.Frequency, Roof.SumOfBests(pool, work: 1, _ => { }, () => 5));
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void ARoundOfTheAssembledRoof_HasTheFlopThatIsCounted(bool windows)
    {
        Instruction[] code = MachineCodeTests.Decode(FmaAvx512.Assemble(windows));
        int loop = Array.FindIndex(code, instruction => instruction.Mnemonic == Mnemonic.Vfmadd231ps);
        Instruction[] multiplyAdds = [.. code.Where(instruction => instruction.Mnemonic == Mnemonic.Vfmadd231ps)];
        Assert.Equal(FmaAvx512.FlopsARound, multiplyAdds.Length * 16 * 2);
        // Independent ones, each with a sum of its own, in a loop over them all.
        Assert.Equal(multiplyAdds.Length, multiplyAdds.Select(instruction => instruction.Op0Register).Distinct().Count());
        Assert.DoesNotContain(multiplyAdds, instruction => multiplyAdds.Any(other => other.Op0Register == instruction.Op1Register
            || other.Op0Register == instruction.Op2Register));
        // Of zeros: values of the caller's may be infinite or denormal, and slow.
        Register[] zeros = [.. code.Take(loop)
            .Where(instruction => instruction.Mnemonic == Mnemonic.Vpxord && instruction.Op1Register == instruction.Op2Register)
            .Select(instruction => instruction.Op0Register)];
        Assert.Empty(multiplyAdds.SelectMany(instruction => new[] { instruction.Op0Register, instruction.Op1Register, instruction.Op2Register }).Except(zeros));
        Assert.Equal(code[loop].IP, code.Single(instruction => instruction.Mnemonic == Mnemonic.Jne).NearBranchTarget);
    }

    [Fact]
    public unsafe void TheLoopOfMultiplyAdds_TakesAsManyRoundsAsAsked()
    {
        Avx512Interpreter kernel = new(FmaAvx512.Assemble(windows: false), windows: false);
        long Executed(long rounds) => kernel.Run(&rounds);
        Assert.Equal(3 * (FmaAvx512.FlopsARound / 32 + 2), Executed(5) - Executed(2)); // two: the count and the branch
    }

    [Fact]
    public void EveryTier_HasARoof()
    {
        foreach (CpuTier tier in CpuTiers.Supported)
        {
            using CpuDevice device = new(2, tier);
            Assert.InRange(Roof.GflopsPerSecond(device, Precision.Float32), double.Epsilon, double.MaxValue);
            Assert.InRange(Roof.L2BytesPerSecond(device), double.Epsilon, double.MaxValue);
        }
    }

    [Fact]
    public void Doubt_IsSaidOfAShareThatCannotBe()
    {
        Assert.Null(Roof.Doubt(100));
        Assert.Contains("above 100 %", Roof.Doubt(100.1), StringComparison.Ordinal);
    }
}
