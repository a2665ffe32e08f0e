namespace MiniLM.Kernels;

/// <summary>Whether a pass keeps what backward needs, and drops.</summary>
public interface IPass
{
    /// <summary>A constant.</summary>
    static abstract bool Trains { get; }
}

/// <summary>Inference.</summary>
public readonly struct Inference : IPass { public static bool Trains => false; }

/// <summary>Training.</summary>
public readonly struct Training : IPass { public static bool Trains => true; }
