namespace MiniLM.Training;

/// <summary>What a finished run gave.</summary>
/// <param name="OutputDir">Folder of the model.</param>
/// <param name="Steps">Of the run.</param>
/// <param name="TrainLoss">The mean loss of all steps.</param>
/// <param name="BestStep">Whose checkpoint is the model; null: it has the last weights.</param>
/// <param name="Metrics">The last evaluation (<c>eval_...</c>) and the test (<c>test_...</c>).</param>
public sealed record TrainingResult(string OutputDir, int Steps, double TrainLoss, int? BestStep, IReadOnlyDictionary<string, double> Metrics);
