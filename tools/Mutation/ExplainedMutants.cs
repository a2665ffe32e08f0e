namespace Mutation;

/// <summary>A mutant that no test can catch. Its lines are its key: a source that changes there makes it stale.</summary>
internal sealed record ExplainedMutant(string File, Mistake Mistake, string Before, string After, string Reason)
{
    internal bool Explains(Mutant mutant) => (File, Mistake, Before, After) == (mutant.File, mutant.Mistake, mutant.Before, mutant.After);
}

/// <summary>Mutants that survive every draw, one by one, with the reason.</summary>
internal static class ExplainedMutants
{
    internal static readonly ExplainedMutant[] All =
    [
        new("DropoutRows.cs", Mistake.Bound,
            "for (; i + PhiloxBlocks.Count * DropoutMask.Together <= count; block += PhiloxBlocks.Count)",
            "for (; i + PhiloxBlocks.Count * DropoutMask.Together < count; block += PhiloxBlocks.Count)",
            "Equivalent but for speed: the last eight blocks are dropped from one by one."),
        new("Polynomial.cs", Mistake.Comparison,
            "for (int n = 1; n < 300 && term > 1e-18 * sum; n++) { sum += term *= x * x / (2 * n + 1); }",
            "for (int n = 1; n <= 300 && term > 1e-18 * sum; n++) { sum += term *= x * x / (2 * n + 1); }",
            "Equivalent: kernels ask for at most 5.44 (14 1/2 segments of 3/8), where the terms vanish next to the sum long before the 300th."),
        new("Polynomial.cs", Mistake.Comparison,
            "for (int n = 1; n < 300 && term > 1e-18 * sum; n++) { sum += term *= x * x / (2 * n + 1); }",
            "for (int n = 1; n < 300 && term >= 1e-18 * sum; n++) { sum += term *= x * x / (2 * n + 1); }",
            "Equivalent: a term of exactly 1e-18 of the sum would add nothing to it."),
        new("Transpose.cs", Mistake.Condition, "int wholeRows = Avx.IsSupported ? rows & ~7 : 0, wholeColumns = columns & ~7;",
            "int wholeRows = !(Avx.IsSupported) ? rows & ~7 : 0, wholeColumns = columns & ~7;",
            "Equivalent but for speed: without whole blocks of eight the scalar loop moves every value."),
        new("Jit/KernelAssembler.cs", Mistake.Constant, "var bytes = new MemoryStream(4096);", "var bytes = new MemoryStream(4097);",
            "Equivalent: a stream's first capacity; it grows, and ToArray gives what was written."),
        new("Threading/Team.cs", Mistake.Operator, "Volatile.Write(ref _state.Phase, phase + 1);", "Volatile.Write(ref _state.Phase, phase - 1);",
            "Equivalent: whoever waits leaves when the phase is another than it saw; which one does not matter."),
        new("Threading/TeamSchedule.cs", Mistake.Operator,
            "if (groups[_order[0]].Load(threads - teams + 1, heads) >= Load) { continue; }",
            "if (groups[_order[0]].Load(threads + teams + 1, heads) >= Load) { continue; }",
            "Equivalent: a load never grows with threads, so fewer numbers of teams are passed over early; those end a few lines on, at no less than Load."),
    ];
}
