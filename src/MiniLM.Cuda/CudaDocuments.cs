using System.Runtime.InteropServices;
using MiniLM.Compute;
using MiniLM.Cuda.Driver;
using MiniLM.Kernels;
using MiniLM.Model;
using MiniLM.Ranking;
using MiniLM.Retrieval;

namespace MiniLM.Cuda;

/// <summary>Documents in the GPU's memory, from the first search on; of a block's scores the best alone come back to the host, which merges them.</summary>
/// <remarks>
/// What does not fit passes through at each search. Documents of a device take no more than half of its memory together, and they make room for networks,
/// passes, training and other searches. Distances are computed by the host.
/// </remarks>
internal sealed class CudaDocuments : DocumentSearch
{
    private const int Together = 512; // queries that share one pass over the blocks

    private static readonly KernelInfo Gemm = KernelInfo.All["GemmSimtF32"];

    private readonly CudaDevice _device;
    private readonly int _block, _columns, _depth; // documents of a block, and with a tile's padding; width with a step's
    private readonly List<GpuBlock> _held = []; // the first ones
    private GpuBlock? _passing; // where the others take turns

    internal CudaDocuments(CudaDevice device, DocumentRows documents) : base(device, documents)
    {
        _device = device;
        _block = Math.Min(documents.Count, KernelInfo.All["TopKF32"].TileColumns);
        (_columns, _depth) = (CudaDevice.RoundUp(_block, Gemm.TileColumns), CudaDevice.RoundUp(documents.Width, Gemm.TileDepth));
    }

    /// <summary>Of all blocks that are held.</summary>
    internal long HeldBytes => _held.Sum(block => block.Bytes);

    internal override void Search(
        ReadOnlySpan<float> queries, SimilarityFunction function, ReadOnlySpan<TopDocuments> best, CancellationToken cancellation = default)
    {
        if (function.IsDistance())
        {
            base.Search(queries, function, best, cancellation);
            return;
        }
        using Lifetime.Inside inside = _device.Lifetime.Enter();
        using Gate.Turn turn = _device.Gate.Enter(cancellation);
        using Gpu.Cancelling until = _device.Gpu.Until(cancellation);
        for (int first = 0; first < best.Length && Documents.Count > 0; first += Together)
        {
            int some = Math.Min(Together, best.Length - first);
            SearchTogether(queries.Slice(first * Documents.Width, some * Documents.Width), function, best.Slice(first, some));
        }
        if ((long)_held.Count * _block >= Documents.Count)
        {
            _passing?.Dispose(); // of a time with less room
            _passing = null;
        }
        else
        {
            _device.Notify($"{(long)_held.Count * _block:N0} of {Documents.Count:N0} documents stay in the memory of {_device.Gpu.Properties.Name}; "
                + "the others are uploaded at each search");
        }
    }

    private void SearchTogether(ReadOnlySpan<float> queries, SimilarityFunction function, ReadOnlySpan<TopDocuments> best)
    {
        int rows = best.Length, deepest = 0;
        foreach (TopDocuments top in best) { deepest = Math.Max(deepest, Math.Min(top.K, _block)); }
        using GpuArena arena = new(_device.Gpu);
        long from = arena.Plan(4L * rows * _depth), scores = arena.Plan(4L * rows * _columns), bias = arena.Plan(4L * _columns),
            found = arena.Plan(8L * rows * deepest);
        MakeRoomFor(arena.Commit);
        _device.Upload(arena.At(from), queries, Documents.Width, _depth);
        SearchHit[] hits = new SearchHit[rows * deepest];
        for (int number = 0, first = 0; first < Documents.Count; number++, first += _block)
        {
            int count = Math.Min(_block, Documents.Count - first), k = Math.Min(deepest, count);
            GpuBlock block = Uploaded(number, first, count);
            _device.Products(arena.At(from), block.Vectors, arena.At(bias), arena.At(scores), rows, _columns, _depth);
            TopKArguments arguments = new()
            {
                Scores = arena.At(scores),
                Factors = function == SimilarityFunction.Cosine ? 0 : block.Lengths,
                Hits = arena.At(found),
                StrideScores = (uint)_columns * 4,
                Count = (uint)count,
                K = (uint)k,
                First = (uint)(Documents.First + first),
            };
            _device.Launcher.TopK(arguments, rows);
            _device.Gpu.Download(arena.At(found), MemoryMarshal.AsBytes(hits.AsSpan(0, rows * k)));
            for (int query = 0; query < rows; query++) { best[query].Add(hits.AsSpan(query * k, k)); }
        }
    }

    /// <summary>A block that is held, or where it was uploaded to.</summary>
    private GpuBlock Uploaded(int number, int first, int count)
    {
        if (number < _held.Count) { return _held[number]; }
        GpuBlock? held = number == _held.Count ? TakeIfThereIsRoom() : null;
        if (held is null && _passing is null) { MakeRoomFor(() => _passing = Take()); }
        _device.Held.Add(this);
        GpuBlock block = held ?? _passing!;
        try
        {
            _device.Upload(block.Vectors, Documents.Vectors(first, count), Documents.Width, _depth);
            if (Documents.Lengths is { } lengths) { _device.Gpu.Upload(block.Lengths, MemoryMarshal.AsBytes(lengths(first, count))); }
        }
        catch
        {
            held?.Dispose();
            throw;
        }
        if (held is not null) { _held.Add(held); }
        return block;
    }

    private GpuBlock Take() => new(_device.Gpu, 4L * _columns * _depth, Documents.Lengths is null ? 0 : 4L * _columns);

    private GpuBlock? TakeIfThereIsRoom()
    {
        if (_device.Held.Sum(documents => documents.HeldBytes) + 4L * _columns * (_depth + 1) > _device.Gpu.Properties.TotalBytes / 2) { return null; }
        try { return Take(); }
        catch (GpuOutOfMemoryException) { return null; }
    }

    /// <summary>Takes memory that a search can't do without; blocks give theirs, the last first, then other documents.</summary>
    private void MakeRoomFor(Action take)
    {
        while (true)
        {
            try
            {
                take();
                return;
            }
            catch (GpuOutOfMemoryException error)
            {
                if (_held.Count > 0)
                {
                    _held[^1].Dispose();
                    _held.RemoveAt(_held.Count - 1);
                }
                else if (!_device.ReleaseDocuments())
                {
                    throw new GpuOutOfMemoryException($"{error.Message}; a search does not fit. Use --device cpu.");
                }
            }
        }
    }

    /// <summary>Gives the memory back; whoever calls has the GPU.</summary>
    internal void Release()
    {
        foreach (GpuBlock block in _held) { block.Dispose(); }
        _held.Clear();
        _passing?.Dispose();
        _passing = null;
        _device.Held.Remove(this);
    }

    public override void Dispose()
    {
        using (_device.Gate.Enter()) { Release(); }
    }

    /// <summary>Room for the vectors of a block and their lengths.</summary>
    private sealed class GpuBlock : IDisposable
    {
        private readonly GpuArena _arena;

        internal GpuBlock(Gpu gpu, long vectors, long lengths)
        {
            _arena = new GpuArena(gpu);
            long at = _arena.Plan(vectors), behind = _arena.Plan(lengths);
            _arena.Commit();
            (Vectors, Lengths) = (_arena.At(at), lengths == 0 ? 0 : _arena.At(behind));
        }

        internal ulong Vectors { get; }

        /// <summary>0: there are none.</summary>
        internal ulong Lengths { get; }

        internal long Bytes => _arena.Bytes;

        public void Dispose() => _arena.Dispose();
    }
}
