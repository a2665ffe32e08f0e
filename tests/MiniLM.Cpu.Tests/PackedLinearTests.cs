using MiniLM.Cpu.Threading;
using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class PackedLinearTests
{
    private static readonly ProductKernels Float32 = ProductKernels.For(CpuTier.Scalar);

    public static TheoryData<string> EveryTier() => Tiers.All();

    [Fact]
    public void Fill_PutsEveryWeightInItsPanelAndZerosElsewhere()
    {
        using RandomNetwork random = new(8, 1, 8, 1);
        Linear a = random.Linear(70, 35), b = random.Linear(40, 35) with { Bias = null };
        // Some rows of each, into panels of their own; inputs in five slots of 7, padded to 9.
        PackedLinear.Part[] parts = [new(a, 3, 33), new(b, 0, 32), new(a, 40, 30), new(b, 39, 1)];
        using PackedLinear packed = new(Float32, parts, inputs: 45, heads: 5);
        Assert.Equal((5, 45), (packed.Panels, packed.Inputs));
        foreach ((int first, int end) in new[] { (3, 5), (0, 1), (1, 3) }) { packed.Fill(first, end); }
        int panel = 0;
        foreach (PackedLinear.Part part in parts)
        {
            float[] weights = part.Linear.Weight.ToFloats(), bias = part.Linear.Bias?.ToFloats() ?? new float[part.Linear.Outputs];
            for (int at = 0; at < part.Count; at += Gemm.Columns, panel++)
            {
                for (int column = 0; column < Gemm.Columns; column++)
                {
                    bool isOutput = at + column < part.Count;
                    int output = part.First + at + column;
                    Assert.Equal(isOutput ? bias[output] : 0, packed.Bias[panel * Gemm.Columns + column]);
                    for (int input = 0; input < 45; input++)
                    {
                        (int head, int d) = (input / 9, input % 9);
                        Assert.Equal(isOutput && d < 7 ? weights[output * 35 + head * 7 + d] : 0, packed.Weights[(panel * 45 + input) * Gemm.Columns + column]);
                    }
                }
            }
        }
        Assert.Equal(packed.Panels, panel);
    }

    // A bias of more than a page: of blocks too small one would lie over the other.
    [Fact]
    public void Fill_OfManyPanelsHasRoomForAll()
    {
        const int Outputs = 64 * Gemm.Columns, Inputs = 3;
        using RandomNetwork random = new(8, 1, 8, 1);
        Linear linear = random.Linear(Outputs, Inputs);
        using PackedLinear packed = new(Float32, [new(linear, 0, Outputs)], Inputs);
        packed.Fill(0, packed.Panels);
        float[] weights = linear.Weight.ToFloats();
        Assert.Equal(linear.Bias!.ToFloats(), new ReadOnlySpan<float>(packed.Bias, Outputs).ToArray());
        for (int i = 0; i < weights.Length; i++)
        {
            (int output, int input) = (i / Inputs, i % Inputs);
            Assert.Equal(weights[i], packed.Weights[(output / Gemm.Columns * Inputs + input) * Gemm.Columns + output % Gemm.Columns]);
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Multiply_OfSomePanelsAgreesWithTheSpecificationAndWritesNoOther(string tier)
    {
        CpuKernels kernels = Tiers.Kernels(tier);
        const int Inputs = 19, Outputs = 13 * Gemm.Columns - 5;
        using RandomNetwork random = new(8, 1, 8, 1);
        Linear linear = random.Linear(Outputs, Inputs);
        using PackedLinear packed = new(kernels.Products, [new(linear, 0, Outputs)], Inputs);
        packed.Fill(0, packed.Panels);
        int width = packed.Panels * Gemm.Columns;
        foreach (int rows in new[] { 1, kernels.Products.Tallest, kernels.Products.Tallest + 1, 2 * kernels.Products.Tallest + 1, 40 })
        {
            using GuardedBuffer a = GuardedBuffer.Normal(new Random(rows), rows * Inputs), residual = GuardedBuffer.Normal(new Random(1), rows * width);
            double[] expected = new double[rows * Outputs];
            Compute.Reference.Dense.Forward<double>(a.ToDoubles(), Array.ConvertAll(linear.Weight.ToFloats(), value => (double)value),
                Array.ConvertAll(linear.Bias!.ToFloats(), value => (double)value), Inputs, expected);
            foreach ((int first, int end) in new[] { (0, 13), (0, 6), (0, 7), (5, 12), (12, 13), (4, 4) })
            {
                using GuardedBuffer c = GuardedBuffer.NaN(rows * width);
                packed.Multiply(Epilogue.AddResidual, Store.Float32, a.Pointer, Inputs, rows, first, end, c.Pointer, width, Gemm.Columns, residual.Pointer);
                for (int i = 0; i < c.Count; i++)
                {
                    (int row, int column) = (i / width, i % width);
                    if (column < first * Gemm.Columns || column >= end * Gemm.Columns)
                    {
                        Assert.True(float.IsNaN(c.Span[i]), $"panels {first} to {end}: column {column} was written");
                    }
                    else
                    {
                        Tiers.Close((column < Outputs ? expected[row * Outputs + column] : 0) + residual.Span[i], c.Span[i], 3e-6,
                            $"{rows} rows, panels {first} to {end}, [{row}, {column}]");
                    }
                }
            }
        }
    }

    [Fact]
    public void ALayer_IsPackedByItsMembersTogether()
    {
        const int Hidden = 40, Heads = 5, HeadSize = 8;
        using RandomNetwork random = new(Hidden, Heads, 70, 1);
        LayerWeights weights = random.Network.Encoder.Layers[0];
        using PackedLayer layer = new(Float32, weights, random.Network.Config, paddedHeadSize: Gemm.Columns);
        using WorkerPool pool = new(3);
        for (int member = 0; member < 3; member++) { layer.Fill(pool.All, member); }
        Assert.Equal((3 * Heads, 2, 3, 2), (layer.QueryKeyValue.Panels, layer.AttentionOutput.Panels, layer.Up.Panels, layer.Down.Panels));
        Assert.Equal((Hidden, Heads * Gemm.Columns, Hidden, 70),
            (layer.QueryKeyValue.Inputs, layer.AttentionOutput.Inputs, layer.Up.Inputs, layer.Down.Inputs));
        Linear[] order = [weights.Query, weights.Key, weights.Value];
        for (int panel = 0; panel < 3 * Heads; panel++)
        {
            (int head, Linear linear) = (panel / 3, order[panel % 3]);
            Assert.Equal(linear.Weight.ToFloats()[head * HeadSize * Hidden], layer.QueryKeyValue.Weights[panel * Hidden * Gemm.Columns]);
            Assert.Equal(linear.Weight.ToFloats()[(head * HeadSize + 7) * Hidden + Hidden - 1],
                layer.QueryKeyValue.Weights[(panel * Hidden + Hidden - 1) * Gemm.Columns + 7]);
            Assert.Equal(linear.Bias!.ToFloats()[head * HeadSize + 7], layer.QueryKeyValue.Bias[panel * Gemm.Columns + 7]);
        }
        Assert.Equal(weights.Down.Weight.ToFloats()[39 * 70 + 69], layer.Down.Weights[(70 + 69) * Gemm.Columns + 7]);
        Assert.Equal(weights.Up.Bias!.ToFloats()[69], layer.Up.Bias[69]);
        foreach ((Norm norm, PackedNorm packed) in new[] { (weights.AttentionNorm, layer.AttentionNorm), (weights.OutputNorm, layer.OutputNorm) })
        {
            Assert.Equal(norm.Gamma.ToFloats(), new Span<float>(packed.Gamma, Hidden).ToArray());
            Assert.Equal(norm.Beta.ToFloats(), new Span<float>(packed.Beta, Hidden).ToArray());
        }
    }
}
