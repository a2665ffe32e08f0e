using MiniLM.Cuda.Driver;

namespace MiniLM.Cuda;

/// <summary>One allocation that is cut into buffers: sizes are planned first, memory is taken once.</summary>
internal sealed class GpuArena(Gpu gpu) : IDisposable
{
    private const long Alignment = 256; // what ILGPU's vector accesses and cp.async may assume of a buffer

    private ulong _base;
    private long _planned;

    /// <summary>Room for a buffer; its place relative to the arena.</summary>
    internal long Plan(long bytes)
    {
        long at = _planned;
        _planned = checked(at + (bytes + Alignment - 1) / Alignment * Alignment);
        return at;
    }

    /// <summary>Takes the planned memory, zeroed: padding is never written and must be zero.</summary>
    /// <exception cref="GpuOutOfMemoryException">Not that much is free.</exception>
    internal void Commit()
    {
        long bytes = Math.Max(_planned, Alignment);
        _base = gpu.Allocate(bytes);
        try { gpu.Clear(_base, bytes); }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Of all buffers.</summary>
    internal long Bytes => _planned;

    internal ulong At(long planned) => _base + (ulong)planned;

    public void Dispose()
    {
        ulong address = _base;
        _base = 0;
        if (address != 0) { gpu.Free(address); }
    }
}
