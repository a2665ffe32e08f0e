namespace MiniLM;

/// <summary>A model folder or file that cannot be used. The message is one line: file, place, value, what to do.</summary>
public sealed class ModelFormatException : Exception
{
    /// <summary>One line that names file, place, value and remedy.</summary>
    public ModelFormatException(string message) : base(message) { }

    /// <summary>One line that names file, place, value and remedy; <paramref name="inner"/> is what the system said.</summary>
    public ModelFormatException(string message, Exception inner) : base(message, inner) { }
}
