namespace MiniLM.Training;

/// <summary>Which parameters a training changes, which of them decay, and what it keeps of a forward pass.</summary>
internal sealed record TrainingOptions
{
    /// <summary>By name; a parameter that is not trained has no gradient: it neither moves nor decays.</summary>
    internal Func<string, bool> IsTrained { get; init; } = _ => true;

    /// <summary>By name; by default as the Hugging Face Trainer has it: neither biases nor LayerNorms.</summary>
    internal Func<string, bool> Decays { get; init; } =
        name => !name.Contains("bias", StringComparison.Ordinal) && !name.Contains("LayerNorm", StringComparison.Ordinal);

    /// <summary>
    /// Makes the inner activations of the feed-forward layers anew on the way back instead of keeping them: half the memory of a forward pass for one
    /// product in three again. Changes no bit.
    /// </summary>
    internal bool RecomputesInner { get; init; }
}
