namespace MiniLM.Model;

/// <summary>How two embeddings are compared; greater is nearer.</summary>
public enum SimilarityFunction
{
    /// <summary>Cosine of the angle; the default.</summary>
    Cosine,

    /// <summary>Dot product.</summary>
    Dot,

    /// <summary>Negative Euclidean distance.</summary>
    Euclidean,

    /// <summary>Negative Manhattan distance.</summary>
    Manhattan,
}

/// <summary>What files and options call the functions.</summary>
internal static class SimilarityNames
{
    /// <summary>In the order of the functions.</summary>
    internal static readonly string[] All = ["cosine", "dot", "euclidean", "manhattan"];

    internal static string Name(this SimilarityFunction function) => All[(int)function];

    /// <summary>Null: there is no such function.</summary>
    internal static SimilarityFunction? Find(string name) => Array.IndexOf(All, name) is >= 0 and int index ? (SimilarityFunction)index : null;
}
