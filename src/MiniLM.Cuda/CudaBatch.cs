using System.Runtime.InteropServices;
using MiniLM.Batching;
using MiniLM.Cuda.Driver;

namespace MiniLM.Cuda;

/// <summary>The ids of one part of a batch on the GPU: one upload, as long as the part.</summary>
internal sealed class CudaBatch
{
    private readonly Gpu _gpu;
    private readonly GpuArena _arena;
    private readonly int _tileRows;
    private readonly bool _drops;
    private readonly int[] _staging;
    private readonly long _ids;
    private int _rowLane, _sequenceLane; // of one kind of number per row, and per sequence

    /// <param name="gpu">Where the arena is.</param>
    /// <param name="arena">Takes the ids' place; to be committed.</param>
    /// <param name="tileRows">Rows of a tile of <see cref="Tiles"/>.</param>
    /// <param name="rows">At most.</param>
    /// <param name="sequences">At most.</param>
    /// <param name="drops">Whether kernels ask for <see cref="StepRows"/> and <see cref="FirstRows"/>.</param>
    internal CudaBatch(Gpu gpu, GpuArena arena, int tileRows, int rows, int sequences, bool drops)
    {
        (_gpu, _arena, _tileRows, _drops) = (gpu, arena, tileRows, drops);
        _staging = new int[4 * Lane(rows) + Lane(sequences + 1) + Lane(2 * (sequences + rows / tileRows)) + (drops ? Lane(rows) + sequences : 0)];
        _ids = arena.Plan(4L * _staging.Length);
    }

    internal int Rows { get; private set; }
    internal int Sequences { get; private set; }

    internal ulong WordIds => _arena.At(_ids);
    internal ulong PositionIds => WordIds + 4UL * (ulong)_rowLane;
    internal ulong TypeIds => PositionIds + 4UL * (ulong)_rowLane;
    internal ulong Columns => TypeIds + 4UL * (ulong)_rowLane;

    internal ulong Offsets => Columns + 4UL * (ulong)_rowLane;

    /// <summary>(sequence, first row) of each tile of a sequence's rows.</summary>
    internal ulong Tiles => Offsets + 4UL * (ulong)_sequenceLane;

    /// <summary>The number of each row in the step: dropout's.</summary>
    internal ulong StepRows => Tiles + 4UL * (ulong)Lane(2 * TileCount);

    /// <summary>Each sequence's first of <see cref="StepRows"/>.</summary>
    internal ulong FirstRows => StepRows + 4UL * (ulong)_rowLane;

    internal int TileCount { get; private set; }

    /// <summary>Longest sequence.</summary>
    internal int Longest { get; private set; }

    /// <summary>Sequences first..end.</summary>
    /// <param name="batch">Whose.</param>
    /// <param name="first">First sequence.</param>
    /// <param name="end">Behind the last.</param>
    /// <param name="firstRows">See <see cref="FirstRows"/>; empty: nothing is dropped.</param>
    internal void Upload(PackedBatch batch, int first, int end, ReadOnlySpan<int> firstRows = default)
    {
        int from = batch.Offsets[first];
        (Rows, Sequences, TileCount, Longest) = (batch.Offsets[end] - from, end - first, 0, 0);
        (_rowLane, _sequenceLane) = (Lane(Rows), Lane(Sequences + 1));
        Span<int> lanes = _staging, offsets = lanes[(4 * _rowLane)..], tiles = offsets[_sequenceLane..];
        batch.TokenIds.AsSpan(from, Rows).CopyTo(lanes);
        batch.Positions.AsSpan(from, Rows).CopyTo(lanes[_rowLane..]);
        for (int i = 0; i < Rows; i++) { lanes[2 * _rowLane + i] = batch.TypeIds[from + i]; }
        batch.Columns.AsSpan(from, Rows).CopyTo(lanes[(3 * _rowLane)..]);
        for (int sequence = first; sequence < end; sequence++)
        {
            offsets[sequence - first] = batch.Offsets[sequence] - from;
            int length = batch.Length(sequence);
            Longest = Math.Max(Longest, length);
            for (int row = 0; row < length; row += _tileRows)
            {
                tiles[2 * TileCount] = sequence - first;
                tiles[2 * TileCount++ + 1] = row;
            }
        }
        offsets[Sequences] = Rows;
        int used = 4 * _rowLane + _sequenceLane + 2 * TileCount;
        if (_drops) { used = Number(batch, first, firstRows); }
        _gpu.Upload(WordIds, MemoryMarshal.AsBytes(lanes[..used]));
    }

    /// <summary>Writes <see cref="StepRows"/> and <see cref="FirstRows"/>; returns where they end.</summary>
    private int Number(PackedBatch batch, int first, ReadOnlySpan<int> firstRows)
    {
        Span<int> rows = _staging.AsSpan(4 * _rowLane + _sequenceLane + Lane(2 * TileCount)), starts = rows[_rowLane..];
        for (int sequence = 0, at = 0; sequence < Sequences; sequence++)
        {
            starts[sequence] = firstRows.IsEmpty ? 0 : firstRows[first + sequence];
            for (int row = 0; row < batch.Length(first + sequence); row++) { rows[at++] = starts[sequence] + row; }
        }
        return _staging.Length - starts.Length + Sequences;
    }

    private static int Lane(int count) => CudaDevice.RoundUp(count, 64); // so that each begins on 256 bytes
}
