namespace MiniLM.Training;

/// <summary>A row of training or evaluation data.</summary>
/// <param name="Texts">A bi-encoder's columns; a cross-encoder's query with its text or texts; of a list the query, then its documents.</param>
/// <param name="Labels">One, or as many as the loss takes (of a list one a document); empty: there are none.</param>
public sealed record TrainingRow(IReadOnlyList<string> Texts, IReadOnlyList<double> Labels)
{
    /// <summary>A row without labels.</summary>
    /// <param name="texts">Its columns.</param>
    public TrainingRow(params string[] texts) : this(texts, []) { }
}
