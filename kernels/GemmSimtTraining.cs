using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>The products of a training step that <see cref="GemmSimt"/> has not, by its loop: with dropout before the residual; with the activation's input
/// kept; and, on the way back, through the activation.</summary>
/// <remarks>The activation is made anew on the way back, so that only its input stays from forward to backward.
/// The grid is (columns / 64, rows / 128 rounded up).</remarks>
public static class GemmSimtTraining
{
    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtDropoutF32(GemmDropoutArguments g) => AddDropped<Float32>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtDropoutF16(GemmDropoutArguments g) => AddDropped<Float16>(g);

    [Kernel(80, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtDropoutBF16(GemmDropoutArguments g) => AddDropped<BFloat16>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtGeluTrainingF32(GemmActivationArguments g) => Forward<Float32, Gelu>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtGeluTrainingF16(GemmActivationArguments g) => Forward<Float16, Gelu>(g);

    [Kernel(80, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtGeluTrainingBF16(GemmActivationArguments g) => Forward<BFloat16, Gelu>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtGeluTanhTrainingF32(GemmActivationArguments g) => Forward<Float32, GeluTanh>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtGeluTanhTrainingF16(GemmActivationArguments g) => Forward<Float16, GeluTanh>(g);

    [Kernel(80, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtGeluTanhTrainingBF16(GemmActivationArguments g) => Forward<BFloat16, GeluTanh>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtReluTrainingF32(GemmActivationArguments g) => Forward<Float32, Relu>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtReluTrainingF16(GemmActivationArguments g) => Forward<Float16, Relu>(g);

    [Kernel(80, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtReluTrainingBF16(GemmActivationArguments g) => Forward<BFloat16, Relu>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtTanhTrainingF32(GemmActivationArguments g) => Forward<Float32, Tanh>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtGeluBackwardF32(GemmActivationArguments g) => Backward<Float32, Gelu>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtGeluBackwardF16(GemmActivationArguments g) => Backward<Float16, Gelu>(g);

    [Kernel(80, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtGeluBackwardBF16(GemmActivationArguments g) => Backward<BFloat16, Gelu>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtGeluTanhBackwardF32(GemmActivationArguments g) => Backward<Float32, GeluTanh>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtGeluTanhBackwardF16(GemmActivationArguments g) => Backward<Float16, GeluTanh>(g);

    [Kernel(80, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtGeluTanhBackwardBF16(GemmActivationArguments g) => Backward<BFloat16, GeluTanh>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtReluBackwardF32(GemmActivationArguments g) => Backward<Float32, Relu>(g);

    [Kernel(60, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtReluBackwardF16(GemmActivationArguments g) => Backward<Float16, Relu>(g);

    [Kernel(80, GemmSimt.Threads, TileRows = GemmSimt.TileRows, TileColumns = GemmSimt.TileColumns, TileDepth = GemmSimt.TileDepth,
        SharedBytes = GemmSimt.Shared)]
    public static void GemmSimtReluBackwardBF16(GemmActivationArguments g) => Backward<BFloat16, Relu>(g);

    private static void AddDropped<TElement>(GemmDropoutArguments t) where TElement : struct, IElement
    {
        GemmArguments g = t.Gemm;
        float[,] sum = new float[8, 8];
        GemmSimt.Multiply<TElement>(g, sum);
        for (int h = 0; h < 2; h++)
        {
            uint column = GemmSimt.Column(h);
            Float4 bias = LoadFloat4(g.Bias + Wide(column, 4), 0);
            for (int i = 0; i < 8; i++)
            {
                uint r = GemmSimt.Row(i);
                if (r < g.Rows)
                {
                    ulong at = Wide(r, g.StrideC) + Wide(column, TElement.Bytes);
                    Float4 c = Dropout.Drop(Sum(sum, i, h, bias), t.Dropout, Load(t.Dropout.Rows + Wide(r, 4), 0), column),
                        residual = TElement.Load4If(true, g.Residual + at, 0);
                    TElement.Store4(g.C + at, new Float4 { X = c.X + residual.X, Y = c.Y + residual.Y, Z = c.Z + residual.Z, W = c.W + residual.W });
                }
            }
        }
    }

    private static void Forward<TElement, TActivation>(GemmActivationArguments t) where TElement : struct, IElement where TActivation : struct, IActivation
    {
        GemmArguments g = t.Gemm;
        float[,] sum = new float[8, 8];
        GemmSimt.Multiply<TElement>(g, sum);
        for (int h = 0; h < 2; h++)
        {
            uint column = GemmSimt.Column(h);
            Float4 bias = LoadFloat4(g.Bias + Wide(column, 4), 0);
            for (int i = 0; i < 8; i++)
            {
                uint r = GemmSimt.Row(i);
                if (r < g.Rows)
                {
                    ulong at = Wide(r, g.StrideC) + Wide(column, TElement.Bytes);
                    Float4 u = Sum(sum, i, h, bias);
                    TElement.Store4(t.BeforeActivation + at, u);
                    TElement.Store4(g.C + at, Apply<TActivation>(u));
                }
            }
        }
    }

    private static void Backward<TElement, TActivation>(GemmActivationArguments t) where TElement : struct, IElement where TActivation : struct, IActivation
    {
        GemmArguments g = t.Gemm;
        float[,] sum = new float[8, 8];
        GemmSimt.Multiply<TElement>(g, sum);
        for (int h = 0; h < 2; h++)
        {
            uint column = GemmSimt.Column(h);
            for (int i = 0; i < 8; i++)
            {
                uint r = GemmSimt.Row(i);
                if (r < g.Rows)
                {
                    ulong at = Wide(r, g.StrideC) + Wide(column, TElement.Bytes);
                    Float4 u = TElement.Load4If(true, t.BeforeActivation + at, 0);
                    TElement.Store4(t.Activated + at, Apply<TActivation>(u));
                    TElement.Store4(g.C + at, new Float4
                    {
                        X = sum[i, h * 4] * TActivation.Slope(u.X),
                        Y = sum[i, h * 4 + 1] * TActivation.Slope(u.Y),
                        Z = sum[i, h * 4 + 2] * TActivation.Slope(u.Z),
                        W = sum[i, h * 4 + 3] * TActivation.Slope(u.W),
                    });
                }
            }
        }
    }

    private static Float4 Sum(float[,] sum, int i, int h, Float4 bias) =>
        new() { X = sum[i, h * 4] + bias.X, Y = sum[i, h * 4 + 1] + bias.Y, Z = sum[i, h * 4 + 2] + bias.Z, W = sum[i, h * 4 + 3] + bias.W };

    private static Float4 Apply<TActivation>(Float4 u) where TActivation : struct, IActivation =>
        new() { X = TActivation.Apply(u.X), Y = TActivation.Apply(u.Y), Z = TActivation.Apply(u.Z), W = TActivation.Apply(u.W) };
}
