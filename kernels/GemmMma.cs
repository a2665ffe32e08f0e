using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>C = activation(A B^T + bias) + residual on tensor cores (tier A), 16-bit storage, fp32 sums.</summary>
/// <remarks>
/// A block of 4 warps computes TileRows x TileColumns in k steps of 32, each warp a quarter (2 x 2). Both operands are k-contiguous, as
/// activations and weights lie in memory, so no tile is transposed. Three stages: while one is multiplied the next
/// two are on their way (cp.async); one wait and one barrier a step. Tiles are swizzled (<see cref="SwizzledTile"/>).
/// The result goes through shared memory, so that a warp stores whole rows, 16 bytes a lane; bias and activation are applied on the way in.
/// Traffic: (TileRows + TileColumns) 64 bytes for 64 TileRows TileColumns FLOP a step: 64 FLOP a byte for 128x128.
/// The k loop is in <see cref="Multiply"/>; the grid is (columns / TileColumns, rows / TileRows rounded up).
/// To try another tile change TileRows and TileColumns (64 or 128): everything else follows.
/// </remarks>
public static class GemmMma
{
    internal const int TileRows = 128, TileColumns = 128, TileDepth = 32, Threads = 128;
    private const int Stages = 3, WarpRows = TileRows / 2, WarpColumns = TileColumns / 2;
    private const int OperandA = TileRows * SwizzledTile.RowBytes, Stage = (TileRows + TileColumns) * SwizzledTile.RowBytes;
    // bytes and 16-byte chunks of a row of the result
    private const int ResultRow = TileColumns * 2, Chunks = TileColumns / 8, ChunksShift = TileColumns == 128 ? 4 : 3;
    internal const int Pieces = TileRows * Chunks; // of a tile, 8 elements each
    internal const int Shared = Stages * Stage > TileRows * ResultRow ? Stages * Stage : TileRows * ResultRow;

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmMmaF16(GemmArguments g) => Run<TensorFloat16, Identity>(g);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmMmaGeluF16(GemmArguments g) => Run<TensorFloat16, Gelu>(g);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmMmaGeluTanhF16(GemmArguments g) => Run<TensorFloat16, GeluTanh>(g);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmMmaReluF16(GemmArguments g) => Run<TensorFloat16, Relu>(g);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmMmaBF16(GemmArguments g) => Run<TensorBFloat16, Identity>(g);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmMmaGeluBF16(GemmArguments g) => Run<TensorBFloat16, Gelu>(g);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmMmaGeluTanhBF16(GemmArguments g) => Run<TensorBFloat16, GeluTanh>(g);

    [Kernel(80, Threads, TileRows = TileRows, TileColumns = TileColumns, TileDepth = TileDepth, SharedBytes = Shared)]
    public static void GemmMmaReluBF16(GemmArguments g) => Run<TensorBFloat16, Relu>(g);

    private static void Run<TElement, TActivation>(GemmArguments g)
        where TElement : struct, ITensorElement where TActivation : struct, IActivation
    {
        Multiply<TElement, TActivation>(g);
        for (uint e = (uint)Group.IdxX; e < Pieces; e += Threads)
        {
            Quad c = Piece(e);
            if (Row(e) < g.Rows)
            {
                ulong at = Wide(Row(e), g.StrideC) + Wide(Column(e), 2);
                if (g.Residual != 0) { c = Add<TElement>(c, LoadQuad(g.Residual + at, 0)); }
                Store(g.C + at, 0, c);
            }
        }
    }

    /// <summary>The row of C of a piece.</summary>
    internal static uint Row(uint piece) => (uint)Grid.IdxY * TileRows + (piece >> ChunksShift);

    /// <summary>The first of a piece's 8 columns of C.</summary>
    internal static uint Column(uint piece) => (uint)Grid.IdxX * TileColumns + (piece & (Chunks - 1)) * 8;

    /// <summary>8 elements of the tile that <see cref="Multiply"/> has left in shared memory.</summary>
    internal static Quad Piece(uint piece)
    {
        uint row = piece >> ChunksShift, chunk = piece & (Chunks - 1);
        return LoadSharedQuad(SharedBase() + row * ResultRow + ((chunk ^ (row & 7)) << 4), 0);
    }

    /// <summary>activation(A B^T + bias) of the block's tile, left in shared memory in 16 bits for all threads.</summary>
    internal static void Multiply<TElement, TActivation>(GemmArguments g)
        where TElement : struct, ITensorElement where TActivation : struct, IActivation
    {
        uint thread = (uint)Group.IdxX, lane = thread & 31, warpRow = (thread >> 6) * WarpRows, warpColumn = (thread >> 5 & 1) * WarpColumns;
        uint row0 = (uint)Grid.IdxY * TileRows, column0 = (uint)Grid.IdxX * TileColumns, shared = SharedBase(), put = shared + SwizzledTile.Put(thread);
        ulong[] aRow = new ulong[TileRows / 32], bRow = new ulong[TileColumns / 32];
        uint[] aBytes = new uint[TileRows / 32];
        for (int i = 0; i < TileRows / 32; i++)
        {
            uint row = row0 + (thread >> 2) + (uint)i * 32;
            aBytes[i] = row < g.Rows ? 16u : 0u; // rows past the end are zeros; their address stays inside
            aRow[i] = g.A + Wide(row < g.Rows ? row : 0, g.StrideA) + ((thread & 3) << 4);
        }
        for (int i = 0; i < TileColumns / 32; i++) { bRow[i] = g.B + Wide(column0 + (thread >> 2) + (uint)i * 32, g.StrideB) + ((thread & 3) << 4); }
        uint[] aLane = new uint[2], bLane = new uint[2];
        SwizzledTile.LeftLanes(aLane, shared + warpRow * SwizzledTile.RowBytes, lane);
        SwizzledTile.RightLanes(bLane, shared + OperandA + warpColumn * SwizzledTile.RowBytes, lane);

        uint loading = 0, reading = 0;
        for (int s = 0; s < Stages - 1; s++)
        {
            if ((uint)s < g.Steps) { Copy(put + loading, aRow, aBytes, bRow); }
            CommitGroup();
            loading += Stage;
        }
        Float4[,] sum = new Float4[WarpRows / 16, WarpColumns / 8];
        for (uint step = 0; step < g.Steps; step++)
        {
            WaitGroup(Stages - 2);
            Group.Barrier();
            if (step + (Stages - 1) < g.Steps) { Copy(put + loading, aRow, aBytes, bRow); }
            CommitGroup();
            TensorTile.MultiplyStep<TElement>(sum, aLane, bLane, reading, WarpRows / 16, WarpColumns / 16);
            loading = Next(loading);
            reading = Next(reading);
        }
        Group.Barrier(); // the last step has waited for every copy: the groups behind it are empty
        StageResult<TElement, TActivation>(sum, g, shared, thread, warpRow, warpColumn, column0);
    }

    /// <summary>The next step of both tiles; in turns, which costs ptxas the fewest register moves.</summary>
    private static void Copy(uint put, ulong[] aRow, uint[] aBytes, ulong[] bRow)
    {
        for (int i = 0; i < (TileRows > TileColumns ? TileRows : TileColumns) / 32; i++)
        {
            if (i < TileRows / 32)
            {
                CopyAsync(put, i * 32 * SwizzledTile.RowBytes, aRow[i], aBytes[i]);
                aRow[i] += TileDepth * 2;
            }
            if (i < TileColumns / 32)
            {
                CopyAsync(put, OperandA + i * 32 * SwizzledTile.RowBytes, bRow[i], 16);
                bRow[i] += TileDepth * 2;
            }
        }
    }

    private static uint Next(uint stage) => stage == (Stages - 1) * Stage ? 0 : stage + Stage;

    private static void StageResult<TElement, TActivation>(Float4[,] sum, GemmArguments g, uint shared, uint thread, uint warpRow,
        uint warpColumn, uint column0)
        where TElement : struct, ITensorElement where TActivation : struct, IActivation
    {
        // A lane holds columns 2 quad, + 1 of rows group and group + 8 of each 16x8 fragment.
        uint group = thread >> 2 & 7, quad = thread & 3, tile = shared + (warpRow + group) * ResultRow + quad * 4;
        ulong biasAt = g.Bias + Wide(column0 + warpColumn + quad * 2, 4);
        for (int j = 0; j < WarpColumns / 8; j++)
        {
            Float2 bias = LoadFloat2(biasAt, j * 32);
            uint at = tile + ((((warpColumn >> 3) + (uint)j) ^ group) << 4);
            for (int i = 0; i < WarpRows / 16; i++)
            {
                Float4 s = sum[i, j];
                StoreShared(at, i * 16 * ResultRow, TElement.Pack(TActivation.Apply(s.X + bias.X), TActivation.Apply(s.Y + bias.Y)));
                StoreShared(at, (i * 16 + 8) * ResultRow, TElement.Pack(TActivation.Apply(s.Z + bias.X), TActivation.Apply(s.W + bias.Y)));
            }
        }
        Group.Barrier();
    }

    internal static Quad Add<TElement>(Quad a, Quad b) where TElement : struct, ITensorElement =>
        new() { X = AddPair<TElement>(a.X, b.X), Y = AddPair<TElement>(a.Y, b.Y), Z = AddPair<TElement>(a.Z, b.Z), W = AddPair<TElement>(a.W, b.W) };

    private static uint AddPair<TElement>(uint a, uint b) where TElement : struct, ITensorElement
    {
        Float2 x = TElement.Unpack(a), y = TElement.Unpack(b);
        return TElement.Pack(x.X + y.X, x.Y + y.Y);
    }
}
