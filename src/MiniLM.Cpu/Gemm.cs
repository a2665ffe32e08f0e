using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using MiniLM.Model;

namespace MiniLM.Cpu;

/// <summary>One strip of C = epilogue(start + A B) in C# vectors: the tiers below machine code. Operands: <see cref="GemmCall"/>.</summary>
/// <remarks>
/// Tiles of 3 rows x 4 vectors of sums, as many as 16 registers take beside a vector of B and three broadcasts: in 256 bits a panel's whole width. A last
/// row alone would cost as much as three, so that the last four are two tiles of 2 rows, whose 8 sums are just enough for two ports of four cycles' latency.
/// A panel is cut along k into pieces that stay in L1 while all rows pass over them; meanwhile the next piece is fetched, which else would come from
/// memory with every group of rows, since the weights of a network are more than a cache holds. Sums run over k in order, each piece's from 0; then what
/// the tile starts from is added: the start of C, or the sum of the pieces before.
/// </remarks>
internal static unsafe class Gemm
{
    internal const int Columns = 32; // of a panel, in every tier
    internal const int Tallest = 132; // a group of sequences has some 128 rows: a piece of B is loaded once for all of them
    internal const int Rows = 3; // of a tile
    private const int Vectors = 4;
    private const int PieceOfK = 192; // 24 KB of B: with the rows of A within an L1 of 32 KB

    [SkipLocalsInit]
    internal static void Strip<TLanes>(Epilogue epilogue, GemmCall* arguments, int rows) where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(rows is > 0 and <= Tallest && arguments->K > 0);
        bool addsResidual = epilogue == Epilogue.AddResidual; // which C may be, so that no unfinished sum goes there
        float* tile = stackalloc float[addsResidual ? rows * Columns : 1];
        for (int panel = 0; panel < arguments->Panels; panel++)
        {
            float* start = arguments->Start == null ? null : arguments->Start + panel * Columns;
            byte* c = (byte*)arguments->C + panel * arguments->CPanel;
            if (addsResidual)
            {
                Panel<TLanes>(arguments, rows, panel, start, (byte*)tile, Columns * sizeof(float));
                AddResidual<TLanes>(arguments, rows, tile, arguments->Residual + panel * Columns, c);
            }
            else
            {
                Panel<TLanes>(arguments, rows, panel, start, c, arguments->CStride);
                for (int row = 0; row < rows; row++) { Finish<TLanes>(epilogue, arguments, row, (float*)(c + row * arguments->CStride)); }
            }
        }
    }

    private static void Panel<TLanes>(GemmCall* arguments, int rows, int panel, float* start, byte* c, nint cStride) where TLanes : struct, ILanes<TLanes>
    {
        nint k = arguments->K, pieces = (k + PieceOfK - 1) / PieceOfK;
        for (nint i = 0; i < pieces; i++)
        {
            nint first = k * i / pieces, piece = k * (i + 1) / pieces - first;
            float* b = (float*)arguments->B + (panel * k + first) * Columns;
            for (int row = 0, height; row < rows; row += height)
            {
                height = TileRows(rows - row);
                Prefetch(b + piece * Columns, (int)piece * Columns, row, row + height, rows);
                float* a = (float*)((byte*)arguments->A + row * arguments->AStride) + first;
                float* to = (float*)(c + row * cStride);
                Tile<TLanes>(a, arguments->AStride, sizeof(float), height, b, piece, i > 0 ? to : start, i > 0 ? cStride : 0, to, cStride);
            }
        }
    }

    /// <summary>The share of rows [row, end) of what all rows fetch of the next piece. A piece that does not exist is no fault.</summary>
    private static void Prefetch(float* next, int floats, int row, int end, int rows)
    {
        const int Line = 16;
        if (!Sse.IsSupported) { return; }
        int lines = floats / Line;
        for (int line = lines * row / rows; line < lines * end / rows; line++) { Sse.Prefetch1(next + line * Line); }
    }

    /// <summary>Rows of the next tile where <paramref name="left"/> are left.</summary>
    internal static int TileRows(int left) => left == 4 ? 2 : Math.Min(Rows, left);

    /// <summary>Up to 3 rows of a panel: c = start + a b.</summary>
    /// <remarks>A row alone is computed twice: two kernels serve every height, and a sum depends on neither.</remarks>
    /// <param name="a">Of row 0.</param>
    /// <param name="aStride">Bytes from row to row of a.</param>
    /// <param name="aStep">Bytes from k to k of a.</param>
    /// <param name="rows">1 to 3.</param>
    /// <param name="b">[k, 32].</param>
    /// <param name="k">Summed over.</param>
    /// <param name="start">Of row 0; may be <paramref name="c"/>; null: 0.</param>
    /// <param name="startStride">Bytes from row to row of start; 0: one for all rows.</param>
    /// <param name="c">Of row 0.</param>
    /// <param name="cStride">Bytes from row to row of c.</param>
    internal static void Tile<TLanes>(float* a, nint aStride, nint aStep, int rows, float* b, nint k, float* start, nint startStride, float* c, nint cStride)
        where TLanes : struct, ILanes<TLanes>
    {
        for (int column = 0; column < Columns; column += Vectors * TLanes.Count, b += Vectors * TLanes.Count, c += Vectors * TLanes.Count)
        {
            float* from = start == null ? null : start + column;
            if (rows == Rows) { ThreeRows<TLanes>((byte*)a, aStride, aStep, b, k, from, startStride, c, cStride); }
            else { TwoRows<TLanes>((byte*)a, aStride, aStep, rows - 1, b, k, from, startStride, c, cStride); }
        }
    }

    private static void ThreeRows<TLanes>(byte* a, nint aStride, nint aStep, float* b, nint k, float* start, nint startStride, float* c, nint cStride)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes zero = TLanes.Create(0);
        TLanes x0 = zero, x1 = zero, x2 = zero, x3 = zero, y0 = zero, y1 = zero, y2 = zero, y3 = zero, z0 = zero, z1 = zero, z2 = zero, z3 = zero;
        for (float* end = b + k * Columns; b < end; a += aStep, b += Columns)
        {
            TLanes x = TLanes.Create(*(float*)a), y = TLanes.Create(*(float*)(a + aStride)), z = TLanes.Create(*(float*)(a + 2 * aStride));
            TLanes v = TLanes.Load(b);
            x0.AddProduct(v, x);
            y0.AddProduct(v, y);
            z0.AddProduct(v, z);
            v = TLanes.Load(b + TLanes.Count);
            x1.AddProduct(v, x);
            y1.AddProduct(v, y);
            z1.AddProduct(v, z);
            v = TLanes.Load(b + 2 * TLanes.Count);
            x2.AddProduct(v, x);
            y2.AddProduct(v, y);
            z2.AddProduct(v, z);
            v = TLanes.Load(b + 3 * TLanes.Count);
            x3.AddProduct(v, x);
            y3.AddProduct(v, y);
            z3.AddProduct(v, z);
        }
        Store(start, c, x0, x1, x2, x3);
        Store(Row(start, startStride), Row(c, cStride), y0, y1, y2, y3);
        Store(Row(start, 2 * startStride), Row(c, 2 * cStride), z0, z1, z2, z3);
    }

    // second: 1, or 0 where there is one row.
    private static void TwoRows<TLanes>(byte* a, nint aStride, nint aStep, int second, float* b, nint k, float* start, nint startStride, float* c, nint cStride)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes zero = TLanes.Create(0);
        TLanes x0 = zero, x1 = zero, x2 = zero, x3 = zero, y0 = zero, y1 = zero, y2 = zero, y3 = zero;
        nint toSecond = second * aStride;
        for (float* end = b + k * Columns; b < end; a += aStep, b += Columns)
        {
            TLanes x = TLanes.Create(*(float*)a), y = TLanes.Create(*(float*)(a + toSecond));
            TLanes v = TLanes.Load(b);
            x0.AddProduct(v, x);
            y0.AddProduct(v, y);
            v = TLanes.Load(b + TLanes.Count);
            x1.AddProduct(v, x);
            y1.AddProduct(v, y);
            v = TLanes.Load(b + 2 * TLanes.Count);
            x2.AddProduct(v, x);
            y2.AddProduct(v, y);
            v = TLanes.Load(b + 3 * TLanes.Count);
            x3.AddProduct(v, x);
            y3.AddProduct(v, y);
        }
        Store(start, c, x0, x1, x2, x3);
        if (second > 0) { Store(Row(start, startStride), Row(c, cStride), y0, y1, y2, y3); } // start may be c
    }

    private static float* Row(float* first, nint offset) => first == null ? null : (float*)((byte*)first + offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TLanes>(float* start, float* to, TLanes v0, TLanes v1, TLanes v2, TLanes v3) where TLanes : struct, ILanes<TLanes>
    {
        if (start != null)
        {
            v0 = TLanes.Load(start) + v0;
            v1 = TLanes.Load(start + TLanes.Count) + v1;
            v2 = TLanes.Load(start + 2 * TLanes.Count) + v2;
            v3 = TLanes.Load(start + 3 * TLanes.Count) + v3;
        }
        v0.Store(to);
        v1.Store(to + TLanes.Count);
        v2.Store(to + 2 * TLanes.Count);
        v3.Store(to + 3 * TLanes.Count);
    }

    private static void AddResidual<TLanes>(GemmCall* arguments, int rows, float* tile, float* residual, byte* c) where TLanes : struct, ILanes<TLanes>
    {
        for (int row = 0; row < rows; row++, tile += Columns)
        {
            float* from = (float*)((byte*)residual + row * arguments->ResidualStride), to = (float*)(c + row * arguments->CStride);
            for (int i = 0; i < Columns; i += TLanes.Count) { (TLanes.Load(tile + i) + TLanes.Load(from + i)).Store(to + i); }
        }
    }

    private static void Finish<TLanes>(Epilogue epilogue, GemmCall* arguments, int row, float* c) where TLanes : struct, ILanes<TLanes>
    {
        switch (epilogue)
        {
            case Epilogue.Gelu: Activations.Forward<TLanes>(Activation.Gelu, c, c, null, Columns); break;
            case Epilogue.GeluTanh: Activations.Forward<TLanes>(Activation.GeluTanh, c, c, null, Columns); break;
            case Epilogue.Relu: Activations.Forward<TLanes>(Activation.Relu, c, c, null, Columns); break;
            case Epilogue.Silu: Activations.Forward<TLanes>(Activation.Silu, c, c, null, Columns); break;
            case Epilogue.QuickGelu: Activations.Forward<TLanes>(Activation.QuickGelu, c, c, null, Columns); break;
            case Epilogue.ScaleRow:
                TLanes scale = TLanes.Create(arguments->RowScale[row]);
                for (int i = 0; i < Columns; i += TLanes.Count) { (TLanes.Load(c + i) * scale).Store(c + i); }
                break;
            default: break;
        }
    }
}
