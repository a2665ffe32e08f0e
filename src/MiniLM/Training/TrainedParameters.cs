namespace MiniLM.Training;

/// <summary>Which parameters a training changes, and which of them decay.</summary>
internal sealed record TrainedParameters
{
    /// <summary>By name; a parameter that is not trained has no gradient: it neither moves nor decays.</summary>
    internal Func<string, bool> IsTrained { get; init; } = _ => true;

    /// <summary>By name; by default as the Hugging Face Trainer has it: neither biases nor LayerNorms.</summary>
    internal Func<string, bool> Decays { get; init; } =
        name => !name.Contains("bias", StringComparison.Ordinal) && !name.Contains("LayerNorm", StringComparison.Ordinal);
}
