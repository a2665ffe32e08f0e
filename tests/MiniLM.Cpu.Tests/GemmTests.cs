namespace MiniLM.Cpu.Tests;

public sealed unsafe class GemmTests
{
    public static TheoryData<string> EveryTier() => Tiers.All();

    [Theory, MemberData(nameof(EveryTier))]
    public void Strip_OfEveryHeightAndEpilogue_AgreesWithSumsInDouble(string tier)
    {
        CpuKernels kernels = Tiers.Kernels(tier);
        foreach (Epilogue epilogue in Enum.GetValues<Epilogue>())
        {
            for (int rows = 1; rows <= kernels.Tallest; rows++)
            {
                foreach (int k in new[] { 1, 2, 3, 4, 7, 32, 65 }) { Check(kernels, epilogue, rows, k, panels: 2, withStart: k % 2 == 1); }
            }
        }
    }

    private static void Check(CpuKernels kernels, Epilogue epilogue, int rows, int k, int panels, bool withStart)
    {
        var random = new Random(rows * 1000 + k);
        int n = panels * Gemm.Columns;
        using GuardedBuffer a = GuardedBuffer.Normal(random, rows * k), b = GuardedBuffer.Normal(random, k * n), start = GuardedBuffer.Normal(random, n);
        using GuardedBuffer residual = GuardedBuffer.Normal(random, rows * n), scale = GuardedBuffer.Normal(random, rows), c = GuardedBuffer.NaN(rows * n);
        var arguments = new GemmCall
        {
            A = a.Pointer,
            AStride = k * sizeof(float),
            B = b.Pointer,
            K = k,
            Panels = panels,
            Start = withStart ? start.Pointer : null,
            C = c.Pointer,
            CStride = n * sizeof(float),
            CPanel = Gemm.Columns * sizeof(float),
            Residual = residual.Pointer,
            ResidualStride = n * sizeof(float),
            RowScale = scale.Pointer,
        };
        kernels.GemmStrip(epilogue, &arguments, rows);
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < n; column++)
            {
                double sum = withStart ? start.Span[column] : 0, magnitude = Math.Abs(sum);
                for (int i = 0; i < k; i++)
                {
                    double product = (double)a.Span[row * k + i] * b.Span[(column / 32 * k + i) * 32 + column % 32];
                    sum += product;
                    magnitude += Math.Abs(product);
                }
                double expected = epilogue switch
                {
                    Epilogue.Gelu => Compute.Reference.Activations.Gelu(sum),
                    Epilogue.GeluTanh => Compute.Reference.Activations.GeluTanh(sum),
                    Epilogue.Relu => Math.Max(0, sum),
                    Epilogue.AddResidual => sum + residual.Span[row * n + column],
                    Epilogue.ScaleRow => sum * scale.Span[row],
                    _ => sum,
                };
                // k + 2 roundings of at most 2^-24 of the running magnitude; the activations' own error is 1e-6 + 3e-7 |x| (golden/forward).
                double factor = epilogue == Epilogue.ScaleRow ? Math.Abs(scale.Span[row]) : 1.2;
                double tolerance = (k + 2) * Math.ScaleB(magnitude * factor + Math.Abs(expected), -24) + (epilogue is Epilogue.Gelu or Epilogue.GeluTanh ? 1e-6 + 3e-7 * Math.Abs(sum) : 0);
                Tiers.Close(expected, c.Span[row * n + column], tolerance, $"{epilogue}, {rows} rows, k {k}, [{row}, {column}]");
            }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Strip_GivesARowTheSameBitsAtEveryHeight(string tier)
    {
        CpuKernels kernels = Tiers.Kernels(tier);
        var random = new Random(4);
        const int K = 70, N = Gemm.Columns;
        using GuardedBuffer a = GuardedBuffer.Normal(random, kernels.Tallest * K), b = GuardedBuffer.Normal(random, K * N);
        float[]? alone = null;
        for (int rows = 1; rows <= kernels.Tallest; rows++)
        {
            using GuardedBuffer c = GuardedBuffer.NaN(rows * N);
            var arguments = new GemmCall { A = a.Pointer, AStride = K * sizeof(float), B = b.Pointer, K = K, Panels = 1, C = c.Pointer, CStride = N * sizeof(float) };
            kernels.GemmStrip(Epilogue.Gelu, &arguments, rows);
            alone ??= c.Span[..N].ToArray();
            Assert.Equal(alone, c.Span[..N].ToArray());
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Epilogues_KeepNaN(string tier)
    {
        CpuKernels kernels = Tiers.Kernels(tier);
        foreach (Epilogue epilogue in Enum.GetValues<Epilogue>())
        {
            using GuardedBuffer a = GuardedBuffer.NaN(1), b = GuardedBuffer.Normal(new Random(1), Gemm.Columns), c = new(Gemm.Columns), other = new(Gemm.Columns);
            other.Span.Fill(1);
            var arguments = new GemmCall { A = a.Pointer, AStride = 4, B = b.Pointer, K = 1, Panels = 1, C = c.Pointer, CStride = 128, Residual = other.Pointer, RowScale = other.Pointer };
            kernels.GemmStrip(epilogue, &arguments, 1);
            foreach (float value in c.Span) { Assert.True(float.IsNaN(value), $"{epilogue} turned NaN into {value}"); }
        }
    }
}
