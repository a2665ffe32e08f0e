using MiniLM.Cuda.Ptx;

namespace KernelCompiler.Tests;

public sealed class MutantsTests
{
    private static readonly string Folder = new CommittedTexts(CommittedTexts.RepositoryRoot()).Folder;

    private static string Text(string kernel) => File.ReadAllText(Path.Combine(Folder, kernel + ".ptx"));

    [Fact]
    public void ATensorCoreGemmHasMutantsOfEveryKindAndOneForEachBarrierAndWait()
    {
        string text = Text("GemmMmaF16");
        List<Mutant> mutants = Mutants.Of("GemmMmaF16", text);
        Assert.Equal(Enum.GetValues<Mutation>(), mutants.Select(mutant => mutant.Mutation).Distinct());
        Assert.Equal(text.Split("bar.sync").Length - 1, mutants.Count(mutant => mutant.Mutation == Mutation.Barrier));
        Assert.Equal(text.Split("wait_group").Length - 1, mutants.Count(mutant => mutant.Mutation == Mutation.Wait));
    }

    public static TheoryData<string> Kernels() => [.. MutationRun.Families];

    /// <summary>A text that can't be read would be "caught" by every test.</summary>
    [Theory, MemberData(nameof(Kernels))]
    public void AMutantDiffersInItsLineOnlyAndIsStillValid(string kernel)
    {
        string[] lines = Text(kernel).Split('\n');
        foreach (Mutant mutant in Mutants.Of(kernel, Text(kernel)))
        {
            string[] changed = mutant.Text.Split('\n');
            Assert.Equal(lines.Length, changed.Length);
            Assert.Equal([mutant.Line - 1], Enumerable.Range(0, lines.Length).Where(i => lines[i] != changed[i]));
            Assert.Single(PtxParser.Parse(kernel, mutant.Text).Kernels);
        }
    }

    [Fact]
    public void TheSameTextGivesTheSameMutants() =>
        Assert.Equal(Mutants.Of("AttentionMma32F16", Text("AttentionMma32F16")), Mutants.Of("AttentionMma32F16", Text("AttentionMma32F16")));

    [Theory]
    [InlineData("\tbar.sync\t0;", "Barrier", "")]
    [InlineData("\tcp.async.wait_group 1;", "Wait", "cp.async.wait_group 2;")]
    [InlineData("\tst.shared.v4.f32 [%r1+32], {%f1,%f2,%f3,%f4};", "Offset", "st.shared.v4.f32 [%r1+48], {%f1,%f2,%f3,%f4};")]
    [InlineData("\t@%p8 ld.global.nc.b16 %rs1, [%rd1+2];", "Offset", "@%p8 ld.global.nc.b16 %rs1, [%rd1+4];")]
    [InlineData("\tcp.async.cg.shared.global [%r1+64], [%rd1], 16, %r2;", "Offset", "cp.async.cg.shared.global [%r1+80], [%rd1], 16, %r2;")]
    [InlineData("\tmma.sync {%f1,%f2}, {%r1,%r2}, {%r3}, {%f3,%f4};", "Fragment", "mma.sync {%f2,%f1}, {%r1,%r2}, {%r3}, {%f3,%f4};")]
    [InlineData("\t@!%p1 st.global.f32 [%rd1], %f1;", "Dropped", "st.global.f32 [%rd1], %f1;")]
    [InlineData("\t@!%p1 bra\tL1;", "Inverted", "@%p1 bra L1;")]
    public void AMistakeIsWhatItsKindSays(string line, string mutation, string after) =>
        Assert.Equal(after, Assert.Single(Mutants.Of("x", $"{{\n{line}\n}}"), mutant => mutant.Mutation == Enum.Parse<Mutation>(mutation)).After);

    [Fact]
    public void ARunFailsForASurvivorWithoutAReasonAndForAReasonWithoutASurvivor()
    {
        var entry = ExplainedMutants.All.First(entry => entry.Kernel == "GemmMmaF16");
        Mutant[] mutants = [.. Mutants.Of(entry.Kernel, Text(entry.Kernel))];
        Mutant explained = Assert.Single(mutants, mutant => (mutant.Mutation, mutant.Before, mutant.After) == (entry.Mutation, entry.Before, entry.After));
        int Report(params Mutant[] survivors) => MutationRun.Report(mutants, mutant => !survivors.Contains(mutant), [entry.Kernel]);
        Assert.Equal(0, Report(explained));
        Assert.Equal(1, Report());
        Assert.Equal(1, Report(explained, mutants.First(mutant => mutant != explained)));
    }
}
