namespace MiniLM.Training;

/// <summary>What is wrong with a training that goes on all the same.</summary>
/// <param name="Name">By which it is turned off.</param>
/// <param name="Message">One line: what, where, and what to change.</param>
public sealed record TrainingWarning(string Name, string Message);
