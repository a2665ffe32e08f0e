namespace MiniLM.Data;

/// <summary>A data file that cannot be used. The message is one line: file and line, value, what to do.</summary>
public sealed class DataFormatException : Exception
{
    /// <summary>One line that names file, line, value and remedy.</summary>
    public DataFormatException(string message) : base(message) { }

    /// <summary>One line that names file, line, value and remedy; <paramref name="inner"/> is what the system said.</summary>
    public DataFormatException(string message, Exception inner) : base(message, inner) { }
}
