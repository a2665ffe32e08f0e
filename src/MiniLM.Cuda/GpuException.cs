namespace MiniLM.Cuda;

/// <summary>A driver call, a kernel or its PTX failed; one line for people.</summary>
public class GpuException(string message) : Exception(message);

/// <summary>The GPU has not that much memory.</summary>
public sealed class GpuOutOfMemoryException(string message) : GpuException(message);

/// <summary>The driver's compiler does not take a kernel's text; it may take another's.</summary>
internal sealed class KernelRefusedException(string message) : GpuException(message);
