namespace MiniLM.Kernels;

/// <summary>Which values of one site of one layer are kept (Training/Dropout.cs in MiniLM says how they are numbered).</summary>
public struct DropoutArguments
{
    /// <summary>int32 [rows]: the number of each row among those of the step, before any cut.</summary>
    public ulong Rows;

    /// <summary>The key.</summary>
    public uint SeedLow, SeedHigh;

    /// <summary>Of the run.</summary>
    public uint Step;

    /// <summary>Site + 8 x layer.</summary>
    public uint Place;

    /// <summary>A value is kept where its 16-bit number is at least this; 0 keeps all.</summary>
    public uint Threshold;

    /// <summary>What kept values are multiplied by: 1 / (1 - p).</summary>
    public float Scale;
}
