using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>The products of a training step that <see cref="GemmMma"/> has not, by its loop: with dropout before the residual; with the activation's input
/// kept; and, on the way back, through the activation.</summary>
/// <remarks>
/// Each epilogue reads the tile from shared memory, 8 elements at a time: eight neighbours are one call of Philox, and loads and stores are 16 bytes a
/// lane. The activation reads its input as it is stored, so that the way back makes the same bits anew. The grid is as there.
/// </remarks>
public static class GemmMmaTraining
{
    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaDropoutF16(GemmDropoutArguments g) => AddDropped<TensorFloat16>(g);

    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaDropoutBF16(GemmDropoutArguments g) => AddDropped<TensorBFloat16>(g);

    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaGeluTrainingF16(GemmActivationArguments g) => Forward<TensorFloat16, Gelu>(g);

    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaGeluTrainingBF16(GemmActivationArguments g) => Forward<TensorBFloat16, Gelu>(g);

    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaGeluTanhTrainingF16(GemmActivationArguments g) => Forward<TensorFloat16, GeluTanh>(g);

    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaGeluTanhTrainingBF16(GemmActivationArguments g) => Forward<TensorBFloat16, GeluTanh>(g);

    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaReluTrainingF16(GemmActivationArguments g) => Forward<TensorFloat16, Relu>(g);

    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaReluTrainingBF16(GemmActivationArguments g) => Forward<TensorBFloat16, Relu>(g);

    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaGeluBackwardF16(GemmActivationArguments g) => Backward<TensorFloat16, Gelu>(g);

    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaGeluBackwardBF16(GemmActivationArguments g) => Backward<TensorBFloat16, Gelu>(g);

    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaGeluTanhBackwardF16(GemmActivationArguments g) => Backward<TensorFloat16, GeluTanh>(g);

    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaGeluTanhBackwardBF16(GemmActivationArguments g) => Backward<TensorBFloat16, GeluTanh>(g);

    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaReluBackwardF16(GemmActivationArguments g) => Backward<TensorFloat16, Relu>(g);

    [Kernel(80, GemmMma.Threads, TileRows = GemmMma.TileRows, TileColumns = GemmMma.TileColumns, TileDepth = GemmMma.TileDepth,
        SharedBytes = GemmMma.Shared)]
    public static void GemmMmaReluBackwardBF16(GemmActivationArguments g) => Backward<TensorBFloat16, Relu>(g);

    private static void AddDropped<TElement>(GemmDropoutArguments t) where TElement : struct, ITensorElement
    {
        GemmArguments g = t.Gemm;
        GemmMma.Multiply<TElement, Identity>(g);
        for (uint e = (uint)Group.IdxX; e < GemmMma.Pieces; e += GemmMma.Threads)
        {
            Quad c = GemmMma.Piece(e);
            uint row = GemmMma.Row(e), column = GemmMma.Column(e);
            if (row < g.Rows)
            {
                ulong at = Wide(row, g.StrideC) + Wide(column, 2);
                if (t.Dropout.Threshold != 0)
                {
                    Quad numbers = Dropout.Words(t.Dropout, Load(t.Dropout.Rows + Wide(row, 4), 0), column >> 3);
                    c = new Quad
                    {
                        X = Drop<TElement>(c.X, numbers.X, t.Dropout),
                        Y = Drop<TElement>(c.Y, numbers.Y, t.Dropout),
                        Z = Drop<TElement>(c.Z, numbers.Z, t.Dropout),
                        W = Drop<TElement>(c.W, numbers.W, t.Dropout),
                    };
                }
                Store(g.C + at, 0, GemmMma.Add<TElement>(c, LoadQuad(g.Residual + at, 0)));
            }
        }
    }

    private static uint Drop<TElement>(uint pair, uint numbers, DropoutArguments g) where TElement : struct, ITensorElement
    {
        Float2 x = TElement.Unpack(pair);
        return TElement.Pack(x.X * Dropout.Factor(numbers & 0xffff, g), x.Y * Dropout.Factor(numbers >> 16, g));
    }

    private static void Forward<TElement, TActivation>(GemmActivationArguments t)
        where TElement : struct, ITensorElement where TActivation : struct, IActivation
    {
        GemmArguments g = t.Gemm;
        GemmMma.Multiply<TElement, Identity>(g);
        for (uint e = (uint)Group.IdxX; e < GemmMma.Pieces; e += GemmMma.Threads)
        {
            Quad u = GemmMma.Piece(e);
            if (GemmMma.Row(e) < g.Rows)
            {
                ulong at = Wide(GemmMma.Row(e), g.StrideC) + Wide(GemmMma.Column(e), 2);
                Store(t.BeforeActivation + at, 0, u);
                Store(g.C + at, 0, Activate<TElement, TActivation>(u));
            }
        }
    }

    private static void Backward<TElement, TActivation>(GemmActivationArguments t)
        where TElement : struct, ITensorElement where TActivation : struct, IActivation
    {
        GemmArguments g = t.Gemm;
        GemmMma.Multiply<TElement, Identity>(g);
        for (uint e = (uint)Group.IdxX; e < GemmMma.Pieces; e += GemmMma.Threads)
        {
            Quad d = GemmMma.Piece(e);
            if (GemmMma.Row(e) < g.Rows)
            {
                ulong at = Wide(GemmMma.Row(e), g.StrideC) + Wide(GemmMma.Column(e), 2);
                Quad u = LoadQuad(t.BeforeActivation + at, 0);
                Store(t.Activated + at, 0, Activate<TElement, TActivation>(u));
                Store(g.C + at, 0, new Quad
                {
                    X = Slope<TElement, TActivation>(d.X, u.X),
                    Y = Slope<TElement, TActivation>(d.Y, u.Y),
                    Z = Slope<TElement, TActivation>(d.Z, u.Z),
                    W = Slope<TElement, TActivation>(d.W, u.W),
                });
            }
        }
    }

    private static Quad Activate<TElement, TActivation>(Quad u) where TElement : struct, ITensorElement where TActivation : struct, IActivation => new()
    {
        X = Activate<TElement, TActivation>(u.X),
        Y = Activate<TElement, TActivation>(u.Y),
        Z = Activate<TElement, TActivation>(u.Z),
        W = Activate<TElement, TActivation>(u.W),
    };

    private static uint Activate<TElement, TActivation>(uint pair) where TElement : struct, ITensorElement where TActivation : struct, IActivation
    {
        Float2 u = TElement.Unpack(pair);
        return TElement.Pack(TActivation.Apply(u.X), TActivation.Apply(u.Y));
    }

    private static uint Slope<TElement, TActivation>(uint gradients, uint pair) where TElement : struct, ITensorElement where TActivation : struct, IActivation
    {
        Float2 d = TElement.Unpack(gradients), u = TElement.Unpack(pair);
        return TElement.Pack(d.X * TActivation.Slope(u.X), d.Y * TActivation.Slope(u.Y));
    }
}
