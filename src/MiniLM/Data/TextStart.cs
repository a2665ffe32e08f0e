namespace MiniLM.Data;

/// <summary>How a file of text begins.</summary>
internal enum TextStart
{
    Other,

    /// <summary>With a brace: a JSON object.</summary>
    Object,

    /// <summary>With a bracket and behind it an object, a string or the other bracket: a JSON array. A text may begin "[1]".</summary>
    Array,
}
