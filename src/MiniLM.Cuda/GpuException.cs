namespace MiniLM.Cuda;

/// <summary>A driver call, a kernel or its PTX failed; one line for people.</summary>
public class GpuException(string message) : Exception(message);

/// <summary>There is no GPU here that the engine can use; the line ends with what to do.</summary>
/// <param name="problem">Without a full stop.</param>
/// <param name="remedy">What else may help; null: nothing.</param>
internal sealed class NoGpuException(string problem, string? remedy = null) : GpuException(Line(problem, remedy, "cpu"))
{
    /// <summary>The same for who can't do without a GPU.</summary>
    /// <param name="device">What can be had instead.</param>
    internal string Instead(string device) => Line(problem, remedy, device);

    private static string Line(string problem, string? remedy, string device) =>
        $"{problem}. {(remedy is null ? "Use" : $"{remedy}, or use")} --device {device}.";
}

/// <summary>The GPU has not that much memory.</summary>
public sealed class GpuOutOfMemoryException(string message) : GpuException(message);

/// <summary>The driver's compiler does not take a kernel's text; it may take another's.</summary>
internal sealed class KernelRefusedException(string message) : GpuException(message);
