using System.Runtime.InteropServices;
using MiniLM.Cuda.Driver;

namespace MiniLM.Cuda.Training;

/// <summary>A batch's rows sorted by their id in an embedding table, equal ids in the batch's order, cut into segments.</summary>
internal sealed class IdRuns
{
    private const int LongestSegment = 64;

    private readonly Gpu _gpu;
    private readonly GpuArena _arena;
    private readonly long _at;
    private readonly int[] _staging;
    private readonly long[] _keys;
    private int _segmentsAt, _idsAt, _runsAt;

    /// <param name="gpu">Where the arena is.</param>
    /// <param name="arena">Takes the place of the runs; to be committed.</param>
    /// <param name="rows">At most.</param>
    internal IdRuns(Gpu gpu, GpuArena arena, int rows)
    {
        (_gpu, _arena, _keys, _staging) = (gpu, arena, new long[rows], new int[4 * rows + 2]);
        _at = arena.Plan(4L * _staging.Length);
    }

    internal ulong Order => _arena.At(_at);
    internal ulong Segments => Order + 4UL * (ulong)_segmentsAt;
    internal ulong Ids => Order + 4UL * (ulong)_idsAt;
    internal ulong Runs => Order + 4UL * (ulong)_runsAt;

    internal int SegmentCount { get; private set; }
    internal int IdCount { get; private set; }

    /// <param name="id">The id of a row.</param>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="padding">An id whose row never learns, or null.</param>
    internal void Upload(Func<int, int> id, int rows, int? padding)
    {
        int count = 0;
        for (int row = 0; row < rows; row++)
        {
            if (id(row) != padding) { _keys[count++] = (long)id(row) << 32 | (uint)row; }
        }
        Array.Sort(_keys, 0, count);
        Span<int> order = _staging;
        (SegmentCount, IdCount) = (0, 0);
        for (int i = 0; i < count; i++) { order[i] = (int)_keys[i]; }
        _segmentsAt = count;
        // Counted first: the lists lie behind each other.
        for (int i = 0; i < count;)
        {
            int end = EndOfRun(i, count);
            SegmentCount += (end - i + LongestSegment - 1) / LongestSegment;
            IdCount++;
            i = end;
        }
        (_idsAt, _runsAt) = (_segmentsAt + SegmentCount + 1, _segmentsAt + SegmentCount + 1 + IdCount);
        int segment = 0, run = 0;
        for (int i = 0; i < count;)
        {
            int end = EndOfRun(i, count);
            order[_idsAt + run] = (int)(_keys[i] >> 32);
            order[_runsAt + run++] = segment;
            for (; i < end; i += LongestSegment) { order[_segmentsAt + segment++] = i; }
            i = end;
        }
        (order[_segmentsAt + segment], order[_runsAt + run]) = (count, segment);
        _gpu.Upload(Order, MemoryMarshal.AsBytes(order[..(_runsAt + run + 1)]));
    }

    private int EndOfRun(int start, int count)
    {
        int end = start + 1;
        while (end < count && _keys[end] >> 32 == _keys[start] >> 32) { end++; }
        return end;
    }
}
