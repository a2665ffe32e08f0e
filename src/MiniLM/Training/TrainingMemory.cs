namespace MiniLM.Training;

/// <summary>Bytes that training holds, by what they are for.</summary>
/// <param name="Weights">As float32.</param>
/// <param name="Panels">The weights as products read them, forward and backward: the CPU's panels, the GPU's copies.</param>
/// <param name="Gradients">Of the weights.</param>
/// <param name="Moments">AdamW's two.</param>
/// <param name="Activations">What slots keep of their forward passes.</param>
/// <param name="Workspace">Gradients of one layer's rows, and scratch.</param>
internal sealed record TrainingMemory(long Weights, long Panels, long Gradients, long Moments, long Activations, long Workspace);
