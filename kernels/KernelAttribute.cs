namespace MiniLM.Kernels;

/// <summary>An entry point: what the kernel compiler makes a PTX text of, and what a launch must know. All of it goes into the manifest.</summary>
/// <param name="target">Oldest compute capability: 60 (tier G) or 80 (tier A).</param>
/// <param name="threads">Threads of a block.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KernelAttribute(int target, int threads) : Attribute
{
    /// <summary>Oldest compute capability.</summary>
    public int Target => target;

    /// <summary>Threads of a block.</summary>
    public int Threads => threads;

    /// <summary>Rows of the result that a block computes; 0 where the grid is not made of tiles.</summary>
    public int TileRows { get; set; }

    /// <summary>Columns of the result that a block computes.</summary>
    public int TileColumns { get; set; }

    /// <summary>Depth of a k step.</summary>
    public int TileDepth { get; set; }

    /// <summary>Dynamic shared memory in bytes.</summary>
    public int SharedBytes { get; set; }

    /// <summary>Further shared memory for each key that is resident (attention) or each element of a row (row kernels).</summary>
    public int SharedBytesPerUnit { get; set; }
}
