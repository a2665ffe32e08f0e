using System.Runtime.InteropServices;
using MiniLM.Cuda.Driver;
using MiniLM.Kernels;
using MiniLM.Model;

namespace MiniLM.Cuda.Training;

/// <summary>What one launch of <c>WeightGradient</c> and one of <c>SumParts</c> do: places in the tables.</summary>
internal readonly record struct GradientGroup(
    int Matrices, int Tiles, int TileCount, int Parts, int RowsOfPart, int Rows, int Pieces, int PieceCount);

/// <summary>The tables by which the kernels find the matrices and the partial sums of a backward pass: made for a batch, uploaded at once.</summary>
internal sealed class GradientTables
{
    private const int FilledBlocks = 216; // two on each of an A100's 108 multiprocessors
    private const int LeastRowsOfPart = 64;

    private readonly List<WeightGradient> _matrices = [];
    private readonly List<int> _tiles = [];
    private readonly List<PartialSum> _sums = [];
    private readonly List<int> _pieces = [];
    private readonly List<GradientGroup> _groups = [];
    private readonly GpuArena _arena;
    private readonly Gpu _gpu;
    private readonly KernelInfo _kernel;
    private readonly long _at, _parts;
    private long _tilesAt, _sumsAt, _piecesAt;
    private ulong _part;
    private (int Matrices, int Tiles, int Pieces) _begun;

    /// <summary>An upper bound for what <see cref="Upload"/> writes, and for the partial sums of a group.</summary>
    internal readonly record struct Capacity(int Matrices, int Tiles, int Sums, int Pieces, long PartialFloats)
    {
        internal long Bytes => (long)WeightGradient.Bytes * Matrices + 16L * Tiles + (long)PartialSum.Bytes * Sums + 8L * Pieces + 512;
    }

    internal GradientTables(Gpu gpu, GpuArena arena, string kernel, Capacity capacity)
    {
        (_gpu, _arena, _kernel) = (gpu, arena, KernelInfo.All[kernel]);
        (_at, _parts) = (arena.Plan(capacity.Bytes), arena.Plan(4 * capacity.PartialFloats));
    }

    internal static int TilesOf(KernelInfo kernel, int outputs, int inputs) =>
        (outputs + kernel.TileRows - 1) / kernel.TileRows * ((inputs + kernel.TileColumns - 1) / kernel.TileColumns);

    /// <summary>How many parts the rows are cut into: a rule of shapes alone, so that sums do not depend on the GPU.</summary>
    internal static int PartsOf(int rows, int tiles) =>
        Math.Clamp((FilledBlocks + tiles - 1) / Math.Max(1, tiles), 1, (rows + LeastRowsOfPart - 1) / LeastRowsOfPart);

    internal void Clear()
    {
        _matrices.Clear();
        _tiles.Clear();
        _sums.Clear();
        _pieces.Clear();
        _groups.Clear();
    }

    /// <summary>Floats of a partial sum: they are stored four at a time.</summary>
    internal static long Aligned(uint floats) => ((long)floats + 3) / 4 * 4;

    /// <summary>Begins a group of matrices.</summary>
    internal void Begin(int rows, Linear[] matrices)
    {
        int parts = PartsOf(rows, matrices.Sum(linear => TilesOf(_kernel, linear.Outputs, linear.Inputs)));
        int rowsOfPart = CudaDevice.RoundUp((rows + parts - 1) / parts, 32);
        _begun = (_matrices.Count, _tiles.Count / 4, _pieces.Count / 2);
        _part = _arena.At(_parts);
        _groups.Add(new GradientGroup(_begun.Matrices, _begun.Tiles, 0, (rows + rowsOfPart - 1) / rowsOfPart, rowsOfPart, rows, _begun.Pieces, 0));
    }

    /// <summary>A matrix of the group.</summary>
    /// <param name="matrix">Dy, X and their strides, and the shape; where its sums go is found here.</param>
    /// <param name="weight">Where its gradient is, or 0.</param>
    /// <param name="bias">The same of the bias.</param>
    internal void Add(WeightGradient matrix, ulong weight, ulong bias)
    {
        if (weight == 0 && bias == 0) { return; }
        int parts = _groups[^1].Parts;
        matrix.Sums = Place(matrix.Outputs * matrix.Inputs);
        if (bias != 0) { matrix.BiasSums = Place(matrix.Outputs); }
        for (int output = 0; output < matrix.Outputs; output += _kernel.TileRows)
        {
            for (int input = 0; input < matrix.Inputs; input += _kernel.TileColumns) { _tiles.AddRange([_matrices.Count - _begun.Matrices, output, input, 0]); }
        }
        _matrices.Add(matrix);
        if (weight != 0) { AddSum(matrix.Sums, weight, matrix.Outputs * matrix.Inputs, parts, 4UL * matrix.Outputs * matrix.Inputs); }
        if (bias != 0) { AddSum(matrix.BiasSums, bias, matrix.Outputs, parts, 4UL * matrix.Outputs); }

        ulong Place(uint floats)
        {
            ulong at = _part;
            _part += 4 * (ulong)(Aligned(floats) * parts);
            return at;
        }
    }

    /// <summary>A sum of the group, if somebody wants it (<paramref name="to"/> is not 0).</summary>
    internal void AddSum(ulong from, ulong to, uint count, int parts, ulong stride)
    {
        if (to == 0) { return; }
        for (int first = 0; first < count; first += PartialSum.Piece) { _pieces.AddRange([_sums.Count, first]); }
        _sums.Add(new PartialSum { From = from, To = to, Count = count, Parts = (uint)parts, Stride = stride });
    }

    internal void End()
    {
        _groups[^1] = _groups[^1] with
        {
            TileCount = _tiles.Count / 4 - _begun.Tiles,
            PieceCount = _pieces.Count / 2 - _begun.Pieces,
        };
    }

    internal void Upload()
    {
        _tilesAt = _at + CudaDevice.RoundUp(WeightGradient.Bytes * _matrices.Count, 16);
        _sumsAt = _tilesAt + 4L * _tiles.Count;
        _piecesAt = _sumsAt + (long)PartialSum.Bytes * _sums.Count;
        _gpu.Upload(_arena.At(_at), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_matrices)));
        _gpu.Upload(_arena.At(_tilesAt), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_tiles)));
        _gpu.Upload(_arena.At(_sumsAt), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_sums)));
        _gpu.Upload(_arena.At(_piecesAt), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_pieces)));
    }

    /// <summary>The gradients of a group's matrices, and the sums of all its parts.</summary>
    /// <param name="launcher">Where.</param>
    /// <param name="index">The group.</param>
    /// <param name="adds">To what is there; else it is overwritten.</param>
    internal void Run(KernelLauncher launcher, int index, bool adds)
    {
        GradientGroup group = _groups[index];
        if (group.TileCount > 0)
        {
            launcher.WeightGradient(_kernel.Name, new WeightGradientArguments
            {
                Matrices = _arena.At(_at) + (ulong)(WeightGradient.Bytes * group.Matrices),
                Tiles = _arena.At(_tilesAt) + 16UL * (ulong)group.Tiles,
                Rows = (uint)group.Rows,
                RowsOfPart = (uint)group.RowsOfPart,
            }, group.TileCount, group.Parts);
        }
        if (group.PieceCount > 0)
        {
            launcher.SumParts(new SumPartsArguments
            {
                Sums = _arena.At(_sumsAt),
                Pieces = _arena.At(_piecesAt) + 8UL * (ulong)group.Pieces,
                Adds = adds ? 1u : 0,
            }, group.PieceCount);
        }
    }
}
