namespace MiniLM.Training.Losses;

/// <summary>A matrix that is trained with the model and belongs to its loss; whoever trains keeps it, the loss only says what it is.</summary>
/// <param name="Name">As in sentence-transformers.</param>
/// <param name="Rows">1 for a vector.</param>
/// <param name="Width">Of a row.</param>
/// <param name="Start">What it begins with.</param>
/// <param name="Spread">Added at the beginning: uniform numbers from -spread to spread.</param>
internal sealed record LossParameter(string Name, int Rows, int Width, double Start = 0, double Spread = 0);
