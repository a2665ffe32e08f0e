namespace MiniLM.Retrieval;

/// <summary>An index folder that cannot be used. The message is one line.</summary>
/// <param name="message">File, place, value, what to do.</param>
public sealed class IndexFormatException(string message) : Exception(message);
