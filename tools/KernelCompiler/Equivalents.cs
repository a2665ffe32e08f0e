namespace KernelCompiler;

/// <summary>Mutants that no test can catch, with the reason. An entry is for one mutant: another one, or an entry without its survivor, fails the run.</summary>
internal static class Equivalents
{
    internal static readonly (string Kernel, Mutation Mutation, string Before, string After, string Reason)[] All =
    [
    ];
}
