using MiniLM.Compute;

namespace Operations;

/// <summary>Where the operands of a benchmark lie.</summary>
public enum Memory
{
    L2,
    Dram,
}

/// <summary>What one call of a benchmark does, by its formula.</summary>
/// <param name="Flop">Floating-point operations; 0: none are counted (an activation, a softmax).</param>
/// <param name="Bytes">Operands and results, each once.</param>
/// <param name="Precision">Of the multiplications.</param>
/// <param name="Memory">Where they lie.</param>
public readonly record struct Work(double Flop, double Bytes, Precision Precision = Precision.Float32, Memory Memory = Memory.L2);

/// <summary>Benchmarks that say what they do, so that a time becomes a rate.</summary>
public interface IMeasured
{
    /// <summary>Of one benchmark, with the parameters that are set; null: its work is not counted.</summary>
    Work? WorkOf(string benchmark);
}
