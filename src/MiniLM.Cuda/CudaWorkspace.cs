using MiniLM.Cuda.Driver;
using MiniLM.Model;

namespace MiniLM.Cuda;

/// <summary>What one part of a batch needs on the GPU: its ids, and rows between the kernels.</summary>
internal sealed class CudaWorkspace : IDisposable
{
    private readonly GpuArena _arena;
    private readonly long _x, _y, _queryKeyValue, _context, _inner, _wide, _pooled, _head;

    internal CudaWorkspace(Gpu gpu, CudaPlan plan, Network network, int rows, int sequences)
    {
        (Rows, Sequences, _arena) = (rows, sequences, new GpuArena(gpu));
        Batch = new CudaBatch(gpu, _arena, plan.AttentionTileRows, rows, sequences, drops: false);
        long row = (long)rows * plan.RowBytes;
        long head = (long)sequences * CudaPlan.WidestOfHead(network) * 4;
        _x = _arena.Plan(row);
        _y = _arena.Plan(row);
        _queryKeyValue = _arena.Plan(3 * row);
        _context = _arena.Plan(row);
        _inner = _arena.Plan((long)rows * plan.Inner * plan.ElementBytes);
        _wide = _arena.Plan((long)rows * plan.Hidden * 4);
        _pooled = _arena.Plan(head);
        _head = _arena.Plan(head);
        _arena.Commit();
    }

    internal int Rows { get; }
    internal int Sequences { get; }

    internal CudaBatch Batch { get; }

    internal ulong X => _arena.At(_x);
    internal ulong Y => _arena.At(_y);
    internal ulong QueryKeyValue => _arena.At(_queryKeyValue);
    internal ulong Context => _arena.At(_context);
    internal ulong Inner => _arena.At(_inner);

    /// <summary>Rows in fp32, for who asks for hidden states.</summary>
    internal ulong Wide => _arena.At(_wide);
    internal ulong Pooled => _arena.At(_pooled);

    /// <summary>The other buffer of the head.</summary>
    internal ulong Head => _arena.At(_head);

    public void Dispose() => _arena.Dispose();
}
