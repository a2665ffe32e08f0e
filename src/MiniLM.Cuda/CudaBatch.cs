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
    private readonly int[] _staging;
    private readonly long _ids;
    private int _rowLane, _sequenceLane; // of one kind of number per row, and per sequence

    /// <param name="gpu">Where the arena is.</param>
    /// <param name="arena">Takes the ids' place; to be committed.</param>
    /// <param name="tileRows">Rows of a tile of <see cref="Tiles"/>.</param>
    /// <param name="rows">At most.</param>
    /// <param name="sequences">At most.</param>
    internal CudaBatch(Gpu gpu, GpuArena arena, int tileRows, int rows, int sequences)
    {
        (_gpu, _arena, _tileRows) = (gpu, arena, tileRows);
        _staging = new int[5 * Lane(rows) + 2 * Lane(sequences + 1) + 2 * (sequences + rows / tileRows)];
        _ids = arena.Plan(4L * _staging.Length);
    }

    internal int Rows { get; private set; }
    internal int Sequences { get; private set; }

    internal ulong WordIds => _arena.At(_ids);
    internal ulong PositionIds => WordIds + 4UL * (ulong)_rowLane;
    internal ulong TypeIds => PositionIds + 4UL * (ulong)_rowLane;
    internal ulong Columns => TypeIds + 4UL * (ulong)_rowLane;

    /// <summary>The number of each row in the step: dropout's.</summary>
    internal ulong StepRows => Columns + 4UL * (ulong)_rowLane;

    internal ulong Offsets => StepRows + 4UL * (ulong)_rowLane;

    /// <summary>Each sequence's first of <see cref="StepRows"/>.</summary>
    internal ulong FirstRows => Offsets + 4UL * (ulong)_sequenceLane;

    /// <summary>(sequence, first row) of each tile of a sequence's rows.</summary>
    internal ulong Tiles => FirstRows + 4UL * (ulong)_sequenceLane;

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
        Span<int> lanes = _staging, offsets = lanes[(5 * _rowLane)..], starts = offsets[_sequenceLane..], tiles = starts[_sequenceLane..];
        batch.TokenIds.AsSpan(from, Rows).CopyTo(lanes);
        batch.Positions.AsSpan(from, Rows).CopyTo(lanes[_rowLane..]);
        for (int i = 0; i < Rows; i++) { lanes[2 * _rowLane + i] = batch.TypeIds[from + i]; }
        batch.Columns.AsSpan(from, Rows).CopyTo(lanes[(3 * _rowLane)..]);
        for (int sequence = first; sequence < end; sequence++)
        {
            int at = batch.Offsets[sequence] - from, length = batch.Length(sequence), start = firstRows.IsEmpty ? 0 : firstRows[sequence];
            (offsets[sequence - first], starts[sequence - first]) = (at, start);
            for (int row = 0; row < length; row++) { lanes[4 * _rowLane + at + row] = start + row; }
            Longest = Math.Max(Longest, length);
            for (int row = 0; row < length; row += _tileRows)
            {
                tiles[2 * TileCount] = sequence - first;
                tiles[2 * TileCount++ + 1] = row;
            }
        }
        offsets[Sequences] = Rows;
        _gpu.Upload(WordIds, MemoryMarshal.AsBytes(lanes[..(5 * _rowLane + 2 * _sequenceLane + 2 * TileCount)]));
    }

    private static int Lane(int count) => CudaDevice.RoundUp(count, 64); // so that each begins on 256 bytes
}
