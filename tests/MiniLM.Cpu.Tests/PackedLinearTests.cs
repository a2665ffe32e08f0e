using System.Runtime.InteropServices;
using MiniLM.Compute;
using MiniLM.Cpu.Threading;
using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Weights;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class PackedLinearTests
{
    private static readonly ProductKernels Float32 = ProductKernels.For(CpuTier.Scalar);

    public static TheoryData<string, Precision, bool> AllPrecisions() => Operands.All();

    [Theory, MemberData(nameof(AllPrecisions))]
    public void Fill_PutsEveryWeightInItsPanelAndZerosElsewhere(string tier, Precision precision, bool rounded)
    {
        ProductKernels products = Operands.Products(tier, precision, rounded);
        using RandomNetwork random = new(8, 1, 8, 1);
        // Some rows of each, into panels of their own; inputs in five slots of 7, padded to 9; in slots longer than a panel; at their end only, and not.
        foreach ((int width, int inputs, int heads) in new[] { (35, 45, 5), (140, 192, 2), (37, 40, 1), (35, 35, 1), (64, 64, 1), (96, 96, 3) })
        {
            Linear a = random.Linear(70, width), b = random.Linear(40, width) with { Bias = null };
            CheckFill(products, precision, [new(a, 3, 33), new(b, 0, 32), new(a, 5, 64), new(a, 40, 30), new(b, 39, 1)], inputs, heads);
        }
    }

    // A file's weights: of 16 bits, where no float is aligned, and with nothing behind them.
    [Theory, MemberData(nameof(AllPrecisions))]
    public void Fill_ReadsWeightsAsTheyLieInAFile(string tier, Precision precision, bool rounded)
    {
        const int Outputs = 32, Inputs = 64;
        ProductKernels products = Operands.Products(tier, precision, rounded);
        using RandomNetwork random = new(8, 1, 8, 1);
        Linear linear = random.Linear(Outputs, Inputs);
        float[] values = linear.Weight.ToFloats();
        byte[] floats = [0, .. MemoryMarshal.AsBytes<float>(values)], halves = [.. MemoryMarshal.AsBytes<Half>([.. values.Select(value => (Half)value)])];
        using GuardedBuffer last = GuardedBuffer.Of(values);
        fixed (byte* file = floats, of16Bits = halves)
        {
            foreach ((ElementType type, nint data, int size) in
                new[] { (ElementType.F32, (nint)file + 1, 4), (ElementType.F16, (nint)of16Bits, 2), (ElementType.F32, (nint)last.Pointer, 4) })
            {
                Tensor weight = new("weight", type, [Outputs, Inputs], (byte*)data, size * Outputs * Inputs, "memory");
                CheckFill(products, precision, [new(linear with { Weight = weight }, 0, Outputs)], Inputs, heads: 1);
            }
        }
    }

    private static void CheckFill(ProductKernels products, Precision precision, PackedLinear.Part[] parts, int inputs, int heads)
    {
        using PackedLinear packed = new(products, parts, inputs, heads);
        int padded = inputs / heads, group = products.Group, groups = Operands.Floats(products, inputs), panel = 0;
        Assert.Equal((parts.Sum(part => (part.Count + 31) / 32), inputs), (packed.Panels, packed.Inputs));
        foreach ((int first, int end) in new[] { (packed.Panels - 2, packed.Panels), (0, 1), (1, packed.Panels - 2) })
        {
            if (first >= 0 && end > first) { packed.Fill(first, end); }
        }
        foreach (PackedLinear.Part part in parts)
        {
            int width = part.Linear.Inputs, slot = width / heads;
            float[] weights = part.Linear.Weight.ToFloats(), bias = part.Linear.Bias?.ToFloats() ?? new float[part.Linear.Outputs];
            for (int at = 0; at < part.Count; at += Gemm.Columns, panel++)
            {
                for (int column = 0; column < Gemm.Columns; column++)
                {
                    bool isOutput = at + column < part.Count;
                    int output = part.First + at + column;
                    Assert.Equal(isOutput ? bias[output] : 0, packed.Bias[panel * Gemm.Columns + column]);
                    for (int input = 0; input < groups * group; input++)
                    {
                        (int head, int d) = (input / padded, input % padded);
                        float expected = isOutput && input < inputs && d < slot ? Operands.Rounded(weights[output * width + head * slot + d], precision) : 0;
                        // [panel][inputs / group][32][group]
                        long place = (((long)panel * groups + input / group) * Gemm.Columns + column) * group + input % group;
                        Assert.Equal(expected, Operands.Read(products, packed.Weights, place));
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

    [Theory, MemberData(nameof(AllPrecisions))]
    public void Multiply_OfSomePanelsAgreesWithTheSpecificationAndWritesNoOther(string tier, Precision precision, bool rounded)
    {
        ProductKernels products = Operands.Products(tier, precision, rounded);
        const int Inputs = 19, Stride = 22, Outputs = 13 * Gemm.Columns - 5;
        using RandomNetwork random = new(8, 1, 8, 1);
        Linear linear = random.Linear(Outputs, Inputs);
        using PackedLinear packed = new(products, [new(linear, 0, Outputs)], Inputs);
        packed.Fill(0, packed.Panels);
        int width = packed.Panels * Gemm.Columns;
        double[] weights = Array.ConvertAll(linear.Weight.ToFloats(), value => (double)Operands.Rounded(value, precision));
        foreach (int rows in new[] { 1, products.Tallest, products.Tallest + 1, 2 * products.Tallest + 1, 40 })
        {
            Random draw = new(rows);
            double[] plain = new double[rows * Inputs], expected = new double[rows * Outputs];
            using GuardedBuffer a = new(Operands.Floats(products, rows * Stride)), residual = GuardedBuffer.Normal(new Random(1), rows * width);
            for (int i = 0; i < rows * Stride; i++)
            {
                (int row, int input) = (i / Stride, i % Stride);
                float value = 4 * Operands.Draw(draw, precision); // what lies behind a row is a number
                Operands.Write(products, a.Pointer, i, value);
                if (input < Inputs) { plain[row * Inputs + input] = value; }
            }
            Compute.Reference.Dense.Forward<double>(plain, weights, Array.ConvertAll(linear.Bias!.ToFloats(), value => (double)value), Inputs, expected);
            foreach ((int first, int end) in new[] { (0, 13), (0, 6), (0, 7), (5, 12), (12, 13), (4, 4) })
            {
                foreach (Store store in Enum.GetValues<Store>())
                {
                    bool isOperand = store == Store.Operand;
                    int floats = isOperand ? Operands.Floats(products, rows * width) : rows * width;
                    using GuardedBuffer c = GuardedBuffer.NaN(floats);
                    for (int i = 0; isOperand && i < rows * width; i++) { Operands.Write(products, c.Pointer, i, float.NaN); }
                    packed.Multiply(Epilogue.AddResidual, store, a.Pointer, Stride, rows, first, end, c.Pointer, width, Gemm.Columns, residual.Pointer);
                    for (int i = 0; i < rows * width; i++)
                    {
                        (int row, int column) = (i / width, i % width);
                        float value = isOperand ? Operands.Read(products, c.Pointer, i) : c.Span[i];
                        string what = $"{store}, {rows} rows, panels {first} to {end}, [{row}, {column}]";
                        if (column < first * Gemm.Columns || column >= end * Gemm.Columns)
                        {
                            Assert.True(float.IsNaN(value), what + " was written");
                            continue;
                        }
                        double right = (column < Outputs ? expected[row * Outputs + column] : 0) + residual.Span[i];
                        Tiers.Close(right, value, 3e-6 + (isOperand ? Operands.Unit(precision) * Math.Abs(right) : 0), what);
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
            // Weights that are trained change: the first member packs them again.
            ((float*)norm.Gamma.Data)[Hidden - 1]++;
            ((float*)norm.Beta.Data)[Hidden - 1]++;
            layer.Fill(pool.All, 1);
            Assert.NotEqual(norm.Gamma.ToFloats()[^1], packed.Gamma[Hidden - 1]);
            layer.Fill(pool.All, 0);
            Assert.Equal(norm.Gamma.ToFloats(), new Span<float>(packed.Gamma, Hidden).ToArray());
            Assert.Equal(norm.Beta.ToFloats(), new Span<float>(packed.Beta, Hidden).ToArray());
        }
    }
}
