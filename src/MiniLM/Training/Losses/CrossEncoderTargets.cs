namespace MiniLM.Training.Losses;

/// <summary>What the logits of a batch should be, and how they lie.</summary>
internal sealed record CrossEncoderTargets
{
    /// <summary>Outputs of the model: logits are [rows, outputs].</summary>
    internal int Outputs { get; init; } = 1;

    /// <summary>
    /// Texts of a query: the rows are those of all queries with their first text, then with their second, ... Labels then are those of the queries.
    /// </summary>
    internal int Columns { get; init; } = 1;

    /// <summary>Documents of each query, whose rows follow one another; null: there are no lists.</summary>
    internal int[]? Lists { get; init; }

    internal Labels? Labels { get; init; }
}
