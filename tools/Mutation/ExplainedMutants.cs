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
        new("ProductKernels.cs", Mistake.Constant, "private const int Together = 6;", "private const int Together = 5;",
            "Equivalent but for speed: how many panels strips pass over while those are in L2."),
        new("Transpose.cs", Mistake.Condition, "int wholeRows = Avx.IsSupported ? rows & ~7 : 0, wholeColumns = columns & ~7;",
            "int wholeRows = !(Avx.IsSupported) ? rows & ~7 : 0, wholeColumns = columns & ~7;",
            "Equivalent but for speed: without whole blocks of eight the scalar loop moves every value."),
        new("Jit/KernelAssembler.cs", Mistake.Constant, "var bytes = new MemoryStream(4096);", "var bytes = new MemoryStream(4097);",
            "Equivalent: a stream's first capacity; it grows, and ToArray gives what was written."),
        new("Jit/OuterAvx512.cs", Mistake.Register, "(rax, rcx, rdx, r8, r10, r11);", "(rax, rcx, rdx, r8, r10, r12);",
            "Equivalent: r12 is free there, and KernelAssembler saves it for every kernel."),
        new("Threading/Team.cs", Mistake.Operator, "Volatile.Write(ref _state.Phase, phase + 1);", "Volatile.Write(ref _state.Phase, phase - 1);",
            "Equivalent: whoever waits leaves when the phase is another than it saw; which one does not matter."),
        new("Threading/TeamSchedule.cs", Mistake.Operator,
            "if (groups[_order[0]].Load(threads - teams + 1, heads) >= Load) { continue; }",
            "if (groups[_order[0]].Load(threads + teams + 1, heads) >= Load) { continue; }",
            "Equivalent: a load never grows with threads, so fewer numbers of teams are passed over early; those end a few lines on, at no less than Load."),
        new("Evaluation/CumulativeGain.cs", Mistake.Bound,
            "for (int rank = 0; rank < Math.Max(ranked.Length, ideal.Length); rank++)",
            "for (int rank = 0; rank <= Math.Max(ranked.Length, ideal.Length); rank++)",
            "Equivalent: at that rank both rankings have ended, and the turn is left at once."),
        new("Evaluation/IrMeasures.cs", Mistake.Constant,
            "string head = at < 0 ? text : text[..at], name = open < 0 ? head : text[..open];",
            "string head = at < 1 ? text : text[..at], name = open < 0 ? head : text[..open];",
            "Equivalent: a text that begins with '@' names no measure, with its head or without."),
        new("Evaluation/TrecEvalMeasures.cs", Mistake.Comparison,
            "?? (line > 0 && Parameters.IsValue(name[(line + 1)..].Split(',')[0]) ? Make(name[..line], name[(line + 1)..]) : null);",
            "?? (line >= 0 && Parameters.IsValue(name[(line + 1)..].Split(',')[0]) ? Make(name[..line], name[(line + 1)..]) : null);",
            "Equivalent: before a '_' at the start stands the name '', which no family has."),
        new("Evaluation/Statistics/RandomizationTest.cs", Mistake.Comparison,
            "return Count(differences, samples, isExact: false, (_, _) => random.Next(2) != 0, cancellation);",
            "return Count(differences, samples, isExact: false, (_, _) => random.Next(2) == 0, cancellation);",
            "Equivalent: all other pairs are swapped then, which turns the sum's sign and not its magnitude."),
        new("Ranking/EmbeddingReranking.cs", Mistake.Constant,
            "private const int Part = 1024; // texts whose rows are one array: together they may be more than an array holds",
            "private const int Part = 1025; // texts whose rows are one array: together they may be more than an array holds",
            "Equivalent: how many rows one array holds; each is found in its own."),
        new("Mining/HardNegatives.cs", Mistake.Constant,
            "List<SearchHit>[] positives = [.. Enumerable.Range(0, queries.Length / width).Select(_ => new List<SearchHit>())];",
            "List<SearchHit>[] positives = [.. Enumerable.Range(1, queries.Length / width).Select(_ => new List<SearchHit>())];",
            "Equivalent: as many lists; the numbers themselves are not looked at."),
        new("Mining/TextMining.cs", Mistake.Bound,
            "for (int first = 0; first < texts.Queries.Count; first += TokenWindow.Capacity)",
            "for (int first = 0; first <= texts.Queries.Count; first += TokenWindow.Capacity)",
            "Equivalent but for one more report of the same number, where queries fill whole windows: the window behind them is empty."),
        new("Mining/TextMining.cs", Mistake.Comparison,
            "if (floats > Array.MaxLength) { throw new NotSupportedException("
                + "$\"{texts.Queries.Count} queries of {encoder.Dimension} floats: mine them in parts\"); }",
            "if (floats >= Array.MaxLength) { throw new NotSupportedException("
                + "$\"{texts.Queries.Count} queries of {encoder.Dimension} floats: mine them in parts\"); }",
            "Equivalent for every model there is: Array.MaxLength is odd, and no multiple of an even width."),
        new("Data/Duplicates/RemainingRows.cs", Mistake.Constant, "string[] text = new string[1];", "string[] text = new string[2];",
            "Equivalent: a reader fills as many places as columns were asked for, and one was."),
    ];
}
