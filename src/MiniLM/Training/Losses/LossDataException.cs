namespace MiniLM.Training.Losses;

/// <summary>Data that a loss does not take. The message is one line: the loss, what it was given, what to do.</summary>
internal sealed class LossDataException(string message) : ArgumentException(message);
