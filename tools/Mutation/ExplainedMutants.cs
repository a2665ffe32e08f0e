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
    ];
}
