namespace MiniLM.Kernels;

/// <summary>The norm of all gradients together, and what the step multiplies them by. Addresses are the GPU's.</summary>
public struct GradientNormArguments
{
    /// <summary>fp32: gradients of all parameters.</summary>
    public ulong Gradients;

    /// <summary>uint32 (first value, values) of each piece of a trained parameter.</summary>
    public ulong Pieces;

    /// <summary>fp32 [Count]: each piece's sum of squares.</summary>
    public ulong Squares;

    /// <summary><see cref="StepFactor"/>.</summary>
    public ulong Factor;

    /// <summary>Pieces.</summary>
    public uint Count;

    /// <summary>What the loss was multiplied by.</summary>
    public float LossScale;

    /// <summary>Gradients are cut to this norm; infinity: they are not.</summary>
    public float MaxNorm;
}

/// <summary>What becomes of a step, in the GPU's memory: read by AdamW there, and by the host behind it.</summary>
public struct StepFactor
{
    internal const int FactorAt = 4, IsTakenAt = 8;

    /// <summary>Of the unscaled gradients, before they are cut.</summary>
    public float Norm;

    /// <summary>What gradients are multiplied by: unscaled, and cut.</summary>
    public float Factor;

    /// <summary>0: a gradient is NaN or infinite, and nothing moves.</summary>
    public uint IsTaken;
}
