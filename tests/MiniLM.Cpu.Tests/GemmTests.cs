using MiniLM.Tests;

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
            foreach (int rows in Tiers.Heights(kernels.Products))
            {
                foreach (int k in new[] { 1, 2, 3, 4, 7, 32, 65 }) { Check(kernels, epilogue, rows, k, panels: 2, withStart: k % 2 == 1); }
                // Sums that are put aside on the way, among them those that go where the residual lies.
                foreach (int k in new[] { 193, 577 }) { Check(kernels, epilogue, rows, k, panels: 2, withStart: k == 193, inPlace: true); }
            }
        }
    }

    // Rows and panels further apart than they are long; panels of C one behind the other; a row of one value.
    [Theory, MemberData(nameof(EveryTier))]
    public void Strip_KeepsToItsStrides(string tier)
    {
        CpuKernels kernels = Tiers.Kernels(tier);
        foreach (Epilogue epilogue in Enum.GetValues<Epilogue>())
        {
            foreach (int rows in Tiers.Heights(kernels.Products))
            {
                for (int panels = 1; panels <= 3; panels++)
                {
                    const int K = 6, AStride = 9, ResidualStride = 101;
                    foreach ((int cStride, int cPanel) in new[] { (101, 32), (33, 33 * rows), (32, 32 * rows + 1) })
                    {
                        var random = new Random(rows);
                        using GuardedBuffer a = GuardedBuffer.Normal(random, (rows - 1) * AStride + K),
                            b = GuardedBuffer.Normal(random, panels * K * Gemm.Columns), start = GuardedBuffer.Normal(random, panels * Gemm.Columns);
                        using GuardedBuffer residual = GuardedBuffer.Normal(random, (rows - 1) * ResidualStride + panels * Gemm.Columns),
                            scale = GuardedBuffer.Normal(random, rows);
                        using GuardedBuffer c = GuardedBuffer.NaN((rows - 1) * cStride + (panels - 1) * cPanel + Gemm.Columns);
                        var arguments = new GemmCall
                        {
                            A = a.Pointer,
                            AStride = AStride * sizeof(float),
                            B = b.Pointer,
                            K = K,
                            Panels = panels,
                            Start = start.Pointer,
                            C = c.Pointer,
                            CStride = cStride * sizeof(float),
                            CPanel = cPanel * sizeof(float),
                            Residual = residual.Pointer,
                            ResidualStride = ResidualStride * sizeof(float),
                            RowScale = scale.Pointer,
                        };
                        kernels.Products.GemmStrip(epilogue, Store.Float32, &arguments, rows);
                        int written = 0;
                        for (int row = 0; row < rows; row++)
                        {
                            for (int column = 0; column < panels * Gemm.Columns; column++, written++)
                            {
                                (int panel, int lane) = (column / Gemm.Columns, column % Gemm.Columns);
                                double sum = start.Span[column];
                                for (int i = 0; i < K; i++) { sum += (double)a.Span[row * AStride + i] * b.Span[(panel * K + i) * Gemm.Columns + lane]; }
                                double expected = Finished(epilogue, sum, residual.Span[row * ResidualStride + column], scale.Span[row]);
                                Tiers.Close(expected, c.Span[row * cStride + panel * cPanel + lane], 1e-5,
                                    $"{epilogue}, {rows} rows, {panels} panels, [{row}, {column}]");
                            }
                        }
                        Assert.Equal(c.Count - written, c.Span.Count(float.NaN)); // nothing between rows and panels
                    }
                }
            }
        }
    }

    internal static bool IsCurve(Epilogue epilogue) => epilogue is Epilogue.Gelu or Epilogue.GeluTanh or Epilogue.Silu or Epilogue.QuickGelu;

    internal static double Finished(Epilogue epilogue, double sum, double residual, double scale) => epilogue switch
    {
        Epilogue.Gelu => Compute.Reference.Activations.Gelu(sum),
        Epilogue.GeluTanh => Compute.Reference.Activations.GeluTanh(sum),
        Epilogue.Relu => Math.Max(0, sum),
        Epilogue.Silu => sum / (1 + Math.Exp(-sum)),
        Epilogue.QuickGelu => sum / (1 + Math.Exp(-1.702 * sum)),
        Epilogue.AddResidual => sum + residual,
        Epilogue.ScaleRow => sum * scale,
        _ => sum,
    };

    private static void Check(CpuKernels kernels, Epilogue epilogue, int rows, int k, int panels, bool withStart, bool inPlace = false)
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
            Residual = inPlace ? c.Pointer : residual.Pointer,
            ResidualStride = n * sizeof(float),
            RowScale = scale.Pointer,
        };
        if (inPlace) { residual.Span.CopyTo(c.Span); }
        kernels.Products.GemmStrip(epilogue, Store.Float32, &arguments, rows);
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
                double expected = Finished(epilogue, sum, residual.Span[row * n + column], scale.Span[row]);
                // k + 2 roundings of at most 2^-24 of the running magnitude; the activations' own error is 1e-6 + 3e-7 |x| (golden/forward).
                double factor = epilogue == Epilogue.ScaleRow ? Math.Abs(scale.Span[row]) : 1.2;
                double tolerance = (k + 2) * Math.ScaleB(magnitude * factor + Math.Abs(expected), -24)
                    + (IsCurve(epilogue) ? 1e-6 + 3e-7 * Math.Abs(sum) : 0);
                Tiers.Close(expected, c.Span[row * n + column], tolerance, $"{epilogue}, {rows} rows, k {k}, [{row}, {column}]");
            }
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Strip_GivesARowTheSameBitsAtEveryHeight(string tier)
    {
        CpuKernels kernels = Tiers.Kernels(tier);
        var random = new Random(4);
        const int K = 577, N = Gemm.Columns; // of vectors four pieces
        using GuardedBuffer a = GuardedBuffer.Normal(random, kernels.Products.Tallest * K), b = GuardedBuffer.Normal(random, K * N);
        float[]? alone = null;
        foreach (int rows in Tiers.Heights(kernels.Products))
        {
            using GuardedBuffer c = GuardedBuffer.NaN(rows * N);
            var arguments = new GemmCall
            {
                A = a.Pointer,
                AStride = K * sizeof(float),
                B = b.Pointer,
                K = K,
                Panels = 1,
                C = c.Pointer,
                CStride = N * sizeof(float),
            };
            kernels.Products.GemmStrip(Epilogue.Gelu, Store.Float32, &arguments, rows);
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
            using GuardedBuffer a = GuardedBuffer.NaN(1), b = GuardedBuffer.Normal(new Random(1), Gemm.Columns), c = new(Gemm.Columns),
                other = new(Gemm.Columns);
            other.Span.Fill(1);
            var arguments = new GemmCall
            {
                A = a.Pointer,
                AStride = 4,
                B = b.Pointer,
                K = 1,
                Panels = 1,
                C = c.Pointer,
                CStride = 128,
                Residual = other.Pointer,
                RowScale = other.Pointer,
            };
            kernels.Products.GemmStrip(epilogue, Store.Float32, &arguments, 1);
            foreach (float value in c.Span) { Assert.True(float.IsNaN(value), $"{epilogue} turned NaN into {value}"); }
        }
    }

    // Values of one sum over the whole range of an activation: each polynomial's segments and their borders.
    [Theory, MemberData(nameof(EveryTier))]
    public void Epilogues_AgreeWithTheSpecificationEverywhere(string tier)
    {
        const int Panels = 125;
        using GuardedBuffer one = new(1), x = new(Panels * Gemm.Columns), c = GuardedBuffer.NaN(Panels * Gemm.Columns);
        one.Span[0] = 1;
        for (int i = 0; i < x.Count - 6; i++) { x.Span[i] = (i - 2000) / 200f; }
        new[] { -1e30f, 1e30f, -700, 700, -1e-30f, -0f }.CopyTo(x.Span[^6..]);
        foreach (Epilogue epilogue in new[] { Epilogue.Gelu, Epilogue.GeluTanh, Epilogue.Relu, Epilogue.Silu, Epilogue.QuickGelu })
        {
            var arguments = new GemmCall { A = one.Pointer, AStride = 4, B = x.Pointer, K = 1, Panels = Panels, C = c.Pointer, CStride = 4, CPanel = 128 };
            Tiers.Kernels(tier).Products.GemmStrip(epilogue, Store.Float32, &arguments, 1);
            for (int i = 0; i < x.Count; i++)
            {
                Tiers.Close(Finished(epilogue, x.Span[i], 0, 0), c.Span[i], epilogue == Epilogue.Relu ? 0 : 4e-7 + 2e-7 * Math.Abs(x.Span[i]),
                    $"{epilogue}({x.Span[i]:R})");
            }
        }
    }
}
