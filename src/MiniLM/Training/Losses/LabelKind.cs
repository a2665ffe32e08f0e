namespace MiniLM.Training.Losses;

/// <summary>What labels a loss takes.</summary>
internal enum LabelKind
{
    /// <summary>None: the columns say what belongs together.</summary>
    None,

    /// <summary>1 for what belongs together, 0 for what does not.</summary>
    Binary,

    /// <summary>0 to 1.</summary>
    Probability,

    /// <summary>-1 to 1.</summary>
    Cosine,

    /// <summary>Any number.</summary>
    Number,

    /// <summary>Whole numbers from 0.</summary>
    Class,

    /// <summary>A teacher's embeddings.</summary>
    Embedding,
}
