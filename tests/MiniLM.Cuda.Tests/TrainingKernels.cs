namespace MiniLM.Cuda.Tests;

/// <summary>Kernels by what launches them.</summary>
internal static class TrainingKernels
{
    private static readonly string[] Parts =
        ["Training", "Backward", "Gradient", "Dropout", "AdamW", "WeightCopies", "SumParts", "EmbeddingSums", "RelativeBias"];

    /// <summary>Whether a kernel is one of tier A.</summary>
    internal static bool OnTensorCores(string kernel) =>
        kernel.Contains("Mma", StringComparison.Ordinal) || kernel.StartsWith("GemmLayerNorm", StringComparison.Ordinal);

    /// <summary>Whether a kernel runs in training alone.</summary>
    internal static bool Has(string kernel) => Parts.Any(part => kernel.Contains(part, StringComparison.Ordinal));
}
