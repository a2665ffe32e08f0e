namespace KernelCompiler;

/// <summary>Mutants that no test here can catch, with the reason: most are equivalent to the text.
/// An entry is for one mutant: a second one, or an entry without its survivor, fails the run.</summary>
internal static class ExplainedMutants
{
    private const string EmptyGroups = "Equivalent: behind the loop the last two groups are empty, and the last step has waited for all that hold a copy.";

    internal static readonly (string Kernel, Mutation Mutation, string Before, string After, string Reason)[] All =
    [
        ("GemmMmaF16", Mutation.Wait, "cp.async.wait_group 0;", "cp.async.wait_group 1;", EmptyGroups),
        ("GemmMmaGeluBF16", Mutation.Wait, "cp.async.wait_group 0;", "cp.async.wait_group 1;", EmptyGroups),
        ("GemmLayerNorm384F16", Mutation.Wait, "cp.async.wait_group 0;", "cp.async.wait_group 1;", EmptyGroups),
    ];
}
