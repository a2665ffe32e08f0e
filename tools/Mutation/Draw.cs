namespace Mutation;

/// <summary>The order in which a file's mutants are drawn: one of each kind in turn, within a kind by the seed.</summary>
internal static class Draw
{
    internal static IEnumerable<Mutant> InTurn(IReadOnlyList<Mutant> mutants, int seed)
    {
        if (mutants.Count == 0) { return []; }
        Random random = new(seed);
        Mutant[] shuffled = [.. mutants];
        random.Shuffle(shuffled);
        // Kinds come in the order of their first mutants: by the seed too.
        return shuffled.GroupBy(mutant => mutant.Mistake).SelectMany(kind => kind.Select((mutant, turn) => (mutant, turn)))
            .OrderBy(drawn => drawn.turn).Select(drawn => drawn.mutant);
    }
}
