using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace Mutation.Tests;

public sealed class MutantsTests
{
    private const string Kernel = """
        class Kernel
        {
            [FieldOffset(64)] int _field; internal const int Seen = 3;
            float Sum(float* x, int count)
            {
                Debug.Assert(count > 0);
                float sum = 0.5f;
                for (int i = 0; i < count; i += 4) { sum = Math.Max(sum, -x[i + 1]); }
                if (sum > 3) { throw new InvalidOperationException($"{count - 1}"); }
                return sum == 0 ? 1 : sum;
            }
        }
        """;

    private static List<Mutant> Of(string text) => Mutants.Of("Kernel.cs", SourceText.From(text));

    [Theory]
    [InlineData("y = a + b;", "Operator", "y = a - b;")]
    [InlineData("y += b;", "Operator", "y -= b;")]
    [InlineData("y = a << 23;", "Operator", "y = a >> 23;")]
    [InlineData("y = a < b;", "Comparison", "y = a <= b;")]
    [InlineData("y = a == b;", "Comparison", "y = a != b;")]
    [InlineData("for (; i < n; i++) { }", "Bound", "for (; i <= n; i++) { }", "for (; i < (n) - 1; i++) { }", "for (; i < n; i += 2) { }")]
    [InlineData("for (; i < n; i += 4 * n) { }", "Bound", "for (; i <= n; i += 4 * n) { }", "for (; i < n; i += 2 * (4 * n)) { }")]
    [InlineData("y = 7;", "Constant", "y = 8;", "y = 6;")]
    [InlineData("y = 0.5f;", "Constant", "y = 0.5005f;")]
    [InlineData("y = -x;", "Constant", "y = x;")]
    [InlineData("if (done) { }", "Condition", "if (!(done)) { }")]
    [InlineData("y = done ? a : b;", "Condition", "y = !(done) ? a : b;")]
    [InlineData("y = Math.Min(a, b);", "Selection", "y = Math.Max(a, b);")]
    [InlineData("y = a;", "Dropped", ";")]
    [InlineData("c.vaddps(x, y, x);", "Dropped", ";")]
    [InlineData("c.vaddps(x, x, x);", "Instruction", "c.vsubps(x, x, x);")]
    [InlineData("c.jz(done);", "Instruction", "c.jnz(done);")]
    [InlineData("c.mov(rax, Argument(1));", "Register", "c.mov(rcx, Argument(1));")]
    [InlineData("c.vmovups(zmm31, t);", "Register", "c.vmovups(zmm0, t);")]
    [InlineData("c.vmulps(x, t, 1);", "Register", "c.vmulps(t, t, 1);", "c.vmulps(x, x, 1);")]
    [InlineData("c.vmovups(__zmmword_ptr[at + 64 * v], x);", "Offset", "c.vmovups(__zmmword_ptr[at + 64 * v + 4], x);")]
    public void AMistakeIsWhatItsKindSays(string statement, string mistake, params string[] after) =>
        Assert.Equal(after, Of(statement).Where(mutant => mutant.Mistake == Enum.Parse<Mistake>(mistake)).Select(mutant => mutant.After));

    [Fact]
    public void PlacesThatComputeNothing_HaveNone()
    {
        int[] lines = [.. Of(Kernel).Select(mutant => mutant.Line).Distinct()];
        Assert.Equal([7, 8, 9, 10], lines);
        Assert.DoesNotContain(Of(Kernel), mutant => mutant.Before.Contains("count - 1", StringComparison.Ordinal) && mutant.Mistake == Mistake.Operator);
    }

    [Fact]
    public void EveryMutant_DiffersWhereItSaysAndStillParses()
    {
        var text = SourceText.From(Kernel);
        List<Mutant> mutants = Of(Kernel);
        Assert.NotEmpty(mutants);
        Assert.Equal(mutants.Count, mutants.Select(mutant => text.WithChanges(mutant.Change).ToString()).Distinct().Count());
        foreach (Mutant mutant in mutants)
        {
            SourceText changed = text.WithChanges(mutant.Change);
            Assert.Equal([mutant.Line - 1], Enumerable.Range(0, text.Lines.Count).Where(i => text.Lines[i].ToString() != changed.Lines[i].ToString()));
            Assert.Equal((mutant.Before, mutant.After), (text.Lines[mutant.Line - 1].ToString().Trim(), changed.Lines[mutant.Line - 1].ToString().Trim()));
            Assert.DoesNotContain(CSharpSyntaxTree.ParseText(changed).GetDiagnostics(), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        }
    }

    [Fact]
    public void ADraw_IsAFunctionOfItsSeed_AndHasEveryKindBeforeASecondOfOne()
    {
        List<Mutant> mutants = Of(Kernel);
        Mutant[] drawn = [.. Draw.InTurn(mutants, 1)];
        Assert.Equal(drawn, Draw.InTurn(Of(Kernel), 1));
        Assert.NotEqual(drawn, Draw.InTurn(mutants, 2));
        Assert.Equal(mutants.ToHashSet(), drawn.ToHashSet());
        int kinds = mutants.Select(mutant => mutant.Mistake).Distinct().Count();
        Assert.Equal(kinds, drawn.Take(kinds).Select(mutant => mutant.Mistake).Distinct().Count());
    }

    [Fact]
    public void ARun_FailsForASurvivorWithoutAReasonAndForAReasonWithoutASurvivor()
    {
        Mutant[] all = [.. Of(Kernel)];
        Mutant survivor = all[0], other = all[1];
        ExplainedMutant reason = new(survivor.File, survivor.Mistake, survivor.Before, survivor.After, "the same kernel");
        int Report(Verdict verdict, params ExplainedMutant[] reasons) =>
            MutationRun.Report(new Dictionary<Mutant, Verdict> { [survivor] = verdict, [other] = Verdict.Crashed }, all, reasons, isWhole: false);
        Assert.Equal(0, Report(Verdict.Caught));
        Assert.Equal(0, Report(Verdict.TimeLimit));
        Assert.Equal(0, Report(Verdict.Survived, reason));
        Assert.Equal(0, Report(Verdict.Caught, reason with { File = "Other.cs" }));
        Assert.Equal(1, Report(Verdict.Survived));
        Assert.Equal(1, Report(Verdict.Caught, reason));
        Assert.Equal(1, Report(Verdict.Survived, reason, reason with { Before = "a line that was" }));
    }

    [Fact]
    public void ARunOfTheWhole_FailsBelowItsShareEvenWithReasons()
    {
        Mutant[] all = [.. Of(Kernel)];
        ExplainedMutant[] reasons = [.. all.Select(mutant => new ExplainedMutant(mutant.File, mutant.Mistake, mutant.Before, mutant.After, "the same kernel"))];
        Assert.Equal(1, MutationRun.Report(all.ToDictionary(mutant => mutant, _ => Verdict.Survived), all, reasons, isWhole: true));
    }
}
