using System.Runtime.InteropServices;
using MiniLM.Batching;
using MiniLM.Cuda.Driver;
using MiniLM.Model;

namespace MiniLM.Cuda;

/// <summary>What one part of a batch needs on the GPU: its ids, and rows between the kernels.</summary>
internal sealed class CudaWorkspace : IDisposable
{
    /// <summary>Keys of a head that lie in shared memory at a time.</summary>
    internal const int MostResidentKeys = 256;

    private readonly Gpu _gpu;
    private readonly GpuArena _arena;
    private readonly long _ids, _x, _y, _queryKeyValue, _context, _inner, _wide, _pooled, _head;
    private readonly int[] _staging;
    private readonly int _tileRows;

    internal CudaWorkspace(Gpu gpu, CudaPlan plan, Network network, int rows, int sequences)
    {
        (_gpu, Rows, Sequences, _arena) = (gpu, rows, sequences, new GpuArena(gpu));
        _tileRows = KernelInfo.All[plan.AttentionOnTensorCores ? "AttentionSimt32F32" : plan.Attention].TileRows;
        int mostTiles = sequences + rows / _tileRows;
        // One block of int32: words, positions, types, columns, offsets, tiles; each begins on 256 bytes.
        _staging = new int[4 * Lane(rows) + Lane(sequences + 1) + Lane(2 * mostTiles)];
        long row = (long)rows * plan.RowBytes;
        int headWidth = network.Head.OfType<DenseModule>().Select(module => CudaPlan.HeadWidth(module.Linear.Outputs))
            .Append(CudaPlan.HeadWidth(network.PooledSize)).Max();
        _ids = _arena.Plan(4L * _staging.Length);
        _x = _arena.Plan(row);
        _y = _arena.Plan(row);
        _queryKeyValue = _arena.Plan(3 * row);
        _context = _arena.Plan(row);
        _inner = _arena.Plan((long)rows * plan.Inner * plan.ElementBytes);
        _wide = _arena.Plan((long)rows * plan.Hidden * 4);
        _pooled = _arena.Plan((long)sequences * headWidth * 4);
        _head = _arena.Plan((long)sequences * headWidth * 4);
        _arena.Commit();
    }

    internal int Rows { get; }
    internal int Sequences { get; }

    internal ulong WordIds => _arena.At(_ids);
    internal ulong PositionIds => WordIds + 4UL * (ulong)Lane(Rows);
    internal ulong TypeIds => PositionIds + 4UL * (ulong)Lane(Rows);
    internal ulong Columns => TypeIds + 4UL * (ulong)Lane(Rows);
    internal ulong Offsets => Columns + 4UL * (ulong)Lane(Rows);

    /// <summary>(sequence, first query) of each block of queries.</summary>
    internal ulong Tiles => Offsets + 4UL * (ulong)Lane(Sequences + 1);

    internal int TileCount { get; private set; }

    /// <summary>Longest sequence.</summary>
    internal int Longest { get; private set; }

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

    /// <summary>Ids of the sequences first..end, one copy.</summary>
    internal void Upload(PackedBatch batch, int first, int end)
    {
        int from = batch.Offsets[first], rows = batch.Offsets[end] - from, lane = Lane(Rows);
        batch.TokenIds.AsSpan(from, rows).CopyTo(_staging);
        batch.Positions.AsSpan(from, rows).CopyTo(_staging.AsSpan(lane));
        for (int i = 0; i < rows; i++) { _staging[2 * lane + i] = batch.TypeIds[from + i]; }
        batch.Columns.AsSpan(from, rows).CopyTo(_staging.AsSpan(3 * lane));
        Span<int> offsets = _staging.AsSpan(4 * lane), tiles = offsets[Lane(Sequences + 1)..];
        (TileCount, Longest) = (0, 0);
        for (int sequence = first; sequence < end; sequence++)
        {
            offsets[sequence - first] = batch.Offsets[sequence] - from;
            int length = batch.Length(sequence);
            Longest = Math.Max(Longest, length);
            for (int query = 0; query < length; query += _tileRows)
            {
                tiles[2 * TileCount] = sequence - first;
                tiles[2 * TileCount++ + 1] = query;
            }
        }
        offsets[end - first] = rows;
        _gpu.Upload(WordIds, MemoryMarshal.AsBytes<int>(_staging));
    }

    private static int Lane(int count) => CudaDevice.RoundUp(count, 64);

    public void Dispose() => _arena.Dispose();
}
