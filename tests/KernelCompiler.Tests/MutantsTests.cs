using MiniLM.Cuda.Ptx;

namespace KernelCompiler.Tests;

public sealed class MutantsTests
{
    private static readonly string Folder = new CommittedTexts(CommittedTexts.RepositoryRoot()).Folder;

    private static string Text(string kernel) => File.ReadAllText(Path.Combine(Folder, kernel + ".ptx"));

    [Fact]
    public void EveryKindHasMutantsAndEachBarrierAndWaitHasOne()
    {
        Assert.Equal(Enum.GetValues<Mutation>(),
            MutationRun.Families.SelectMany(kernel => Mutants.Of(kernel, Text(kernel))).Select(mutant => mutant.Mutation).Distinct().Order());
        string text = Text("GemmMmaF16");
        List<Mutant> mutants = Mutants.Of("GemmMmaF16", text);
        Assert.Equal(text.Split("bar.sync").Length - 1, mutants.Count(mutant => mutant.Mutation == Mutation.Barrier));
        Assert.Equal(text.Split("wait_group").Length - 1, mutants.Count(mutant => mutant.Mutation == Mutation.Wait));
    }

    public static TheoryData<string> Kernels() => [.. MutationRun.Families];

    /// <summary>A text that can't be read would be "caught" by every test.</summary>
    [Theory, MemberData(nameof(Kernels))]
    public void AMutantDiffersInItsLineOnlyAndIsStillValid(string kernel)
    {
        string[] lines = Text(kernel).Split('\n');
        List<Mutant> mutants = [.. Mutants.Of(kernel, Text(kernel)), .. Mutants.Of(kernel, Text(kernel), seed: 3)];
        Assert.True(mutants.Count >= 10, $"{mutants.Count} mutants");
        foreach (Mutant mutant in mutants)
        {
            string[] changed = mutant.Text.Split('\n');
            Assert.Equal(lines.Length, changed.Length);
            Assert.Equal([mutant.Line - 1], Enumerable.Range(0, lines.Length).Where(i => lines[i] != changed[i]));
            Assert.Single(PtxParser.Parse(kernel, mutant.Text).Kernels);
        }
    }

    [Fact]
    public void TheSameTextAndSeedGiveTheSameMutants()
    {
        List<Mutant> Of(int seed) => Mutants.Of("AttentionMma32F16", Text("AttentionMma32F16"), seed);
        Assert.Equal(Of(0), Of(0));
        Assert.Equal(Of(5), Of(5));
        Assert.NotEqual(Of(5), Of(0));
        Assert.NotEqual(Of(5), Of(6));
        Assert.Equal(Of(0).Select(mutant => mutant.Mutation), Of(5).Select(mutant => mutant.Mutation));
    }

    [Theory]
    [InlineData("\tbar.sync\t0;", "Barrier", "")]
    [InlineData("\tcp.async.wait_group 1;", "Wait", "cp.async.wait_group 2;")]
    [InlineData("\tst.shared.v4.f32 [%r1+32], {%f1,%f2,%f3,%f4};", "Offset", "st.shared.v4.f32 [%r1+48], {%f1,%f2,%f3,%f4};")]
    [InlineData("\t@%p8 ld.global.nc.b16 %rs1, [%rd1+2];", "Offset", "@%p8 ld.global.nc.b16 %rs1, [%rd1+4];")]
    [InlineData("\tcp.async.cg.shared.global [%r1+64], [%rd1], 16, %r2;", "Offset", "cp.async.cg.shared.global [%r1+80], [%rd1], 16, %r2;")]
    [InlineData("\tmma.sync {%f1,%f2}, {%r1,%r2}, {%r3}, {%f3,%f4};", "Fragment", "mma.sync {%f2,%f1}, {%r1,%r2}, {%r3}, {%f3,%f4};")]
    [InlineData("\t@!%p1 st.global.f32 [%rd1], %f1;", "Dropped", "st.global.f32 [%rd1], %f1;")]
    [InlineData("\t@!%p1 bra\tL1;", "Inverted", "@%p1 bra L1;")]
    [InlineData("\tand.b32\t%r16, %r15, 31;", "Constant", "and.b32 %r16, %r15, 32;")]
    [InlineData("\tsetp.ls.u32\t%p1, %r20, 1;", "Constant", "setp.ls.u32 %p1, %r20, 2;")]
    [InlineData("\tmov.b32\t%r9, 0;", "Constant", "mov.b32 %r9, 1;")]
    [InlineData("\tsetp.lo.u32\t%p3, %r9, %r31;", "Comparison", "setp.ls.u32 %p3, %r9, %r31;")]
    [InlineData("\tsetp.ge.f32\t%p3, %f9, %f31;", "Comparison", "setp.gt.f32 %p3, %f9, %f31;")]
    [InlineData("\tmax.f32\t%f1, %f2, 0f00000000;", "Extreme", "min.f32 %f1, %f2, 0f00000000;")]
    [InlineData("\tmul.rn.f32\t%f1, %f2, 0f3F800000;", "Float", "mul.rn.f32 %f1, %f2, 0f3F8020C5;")]
    [InlineData("\tadd.rn.f32\t%f1, %f2, %f3;", "Addition", "mov.f32 %f1, %f2;")]
    [InlineData("\tadd.s64\t%rd1, %rd2, 32;", "Addition", "mov.b64 %rd1, %rd2;")]
    [InlineData("\tfma.rn.f32\t%f1, %f2, %f3, %f4;", "Addition", "mul.rn.f32 %f1, %f2, %f3;")]
    [InlineData("\tmov.b32 %r36, 0;\n\tmov.b32 %r37, 0;\n\t@%p1 ld.global.v2.b32 {%r36,%r37}, [%rd29+0];", "ZeroFill", "")]
    public void AMistakeIsWhatItsKindSays(string line, string mutation, string after) =>
        Assert.Equal(after, Mutants.Of("x", $"{{\n{line}\n}}").First(mutant => mutant.Mutation == Enum.Parse<Mutation>(mutation)).After);

    // A null pointer is compared with 0, an infinite constant has no thousandth more, a predicate of 1 guards nothing.
    [Theory]
    [InlineData("\tsetp.ls.u64\t%p2, %rd7, 0;", "Constant")]
    [InlineData("\tmov.b32 %r36, 0;\n\t@%p1 ld.global.b32 %r36, [%rd29+0];", "Constant")]
    [InlineData("\tld.global.b32 %r36, [%rd29+4];", "Constant")]
    [InlineData("\tmov.f32\t%f12, 0fFF800000;", "Float")]
    [InlineData("\tmov.f32\t%f12, 0f00000000;", "Float")]
    [InlineData("\tmov.b32 %r36, 0;\n\tld.global.b32 %r36, [%rd29+0];", "ZeroFill")]
    [InlineData("\tmov.pred\t%p1, 1;\n\tmov.b32 %r36, 0;\n\t@%p1 ld.global.b32 %r36, [%rd29+0];", "ZeroFill")]
    [InlineData("\tmov.pred\t%p1, 1;\n\t@%p1 ld.global.b32 %r36, [%rd29+0];", "Dropped")]
    public void ALineWithoutAPlaceForAMistakeHasNone(string lines, string mutation) =>
        Assert.DoesNotContain(Mutants.Of("x", $"{{\n{lines}\n}}"), mutant => mutant.Mutation == Enum.Parse<Mutation>(mutation));

    [Fact]
    public void ARunFailsForASurvivorWithoutAReasonAndForAReasonWithoutASurvivor()
    {
        const string Kernel = "GemmMmaF16";
        var entries = ExplainedMutants.All.Where(entry => entry.Kernel == Kernel).Select(entry => (entry.Mutation, entry.Before, entry.After)).ToHashSet();
        Mutant[] mutants = [.. Mutants.Of(Kernel, Text(Kernel))], explained = [.. mutants.Where(IsExplained)];
        Assert.Equal(entries.Count, explained.Length);
        int Report(params Mutant[] survivors) => MutationRun.Report(mutants, mutant => !survivors.Contains(mutant), [Kernel]);
        Assert.Equal(0, Report(explained));
        Assert.Equal(1, Report(explained[1..]));
        Mutant another = mutants.First(mutant => !IsExplained(mutant));
        Assert.Equal(1, Report([.. explained, another]));
        bool IsExplained(Mutant mutant) => entries.Contains((mutant.Mutation, mutant.Before, mutant.After));

        // Of what a seed draws nothing is explained: the share counts.
        Assert.Equal(0, MutationRun.Report(mutants, mutant => mutant != another, [Kernel], seed: 1));
        Assert.Equal(1, MutationRun.Report(mutants, mutant => mutant.Mutation == Mutation.Barrier, [Kernel], seed: 1));
    }
}
