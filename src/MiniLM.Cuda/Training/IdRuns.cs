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
        List<int> segments = [], ids = [], runs = [];
        for (int i = 0; i < count; i++)
        {
            _staging[i] = (int)_keys[i];
            int at = (int)(_keys[i] >> 32);
            bool isNew = ids.Count == 0 || ids[^1] != at;
            if (isNew)
            {
                ids.Add(at);
                runs.Add(segments.Count);
            }
            if (isNew || i - segments[^1] == LongestSegment) { segments.Add(i); }
        }
        (SegmentCount, IdCount) = (segments.Count, ids.Count);
        runs.Add(SegmentCount);
        segments.Add(count);
        (_segmentsAt, _idsAt, _runsAt) = (count, count + segments.Count, count + segments.Count + ids.Count);
        segments.CopyTo(_staging, _segmentsAt);
        ids.CopyTo(_staging, _idsAt);
        runs.CopyTo(_staging, _runsAt);
        _gpu.Upload(Order, MemoryMarshal.AsBytes(_staging.AsSpan(0, _runsAt + runs.Count)));
    }
}
