using MiniLM.Compute;
using MiniLM.Cpu.Threading;
using MiniLM.Cpu.Training;
using MiniLM.Model;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>Gradients of a linear layer's inputs against sums in double over the same operands.</summary>
public sealed unsafe class PackedTransposedTests
{
    public static TheoryData<string, Precision, bool> All() => Operands.All();

    // Odd sizes, slots of heads in outputs or inputs, slots of more than a panel, several layers behind one another.
    [Theory, MemberData(nameof(All))]
    public void Multiply_AgreesWithSumsInDouble(string tier, Precision precision, bool rounded)
    {
        ProductKernels products = Operands.Products(tier, precision, rounded);
        foreach ((int layers, int outputs, int inputs, int outputHeads, int inputHeads) in
            new[] { (1, 5, 7, 1, 1), (3, 15, 40, 3, 1), (1, 33, 15, 1, 3), (3, 70, 33, 2, 1), (1, 34, 70, 1, 2), (1, 64, 64, 1, 1) })
        {
            Check(products, precision, layers, outputs, inputs, outputHeads, inputHeads);
        }
    }

    private static void Check(ProductKernels products, Precision precision, int layers, int outputs, int inputs, int outputHeads, int inputHeads)
    {
        using RandomNetwork random = new(8, 1, 8, 1);
        Linear[] linears = [.. Enumerable.Range(0, layers).Select(_ => random.Linear(outputs, inputs))];
        int outputSlot = outputs / outputHeads, inputSlot = inputs / inputHeads, outputPad = Pad(outputSlot), inputPad = Pad(inputSlot);
        int each = outputHeads * outputPad, width = inputHeads * inputPad, stride = layers * each + 2, toStride = width + 3;
        using PackedTransposed packed = new(products, linears, each, width, outputHeads, inputHeads);
        using WorkerPool pool = new(3);
        for (int member = 0; member < 3; member++) { packed.Fill(pool.All, member); }
        foreach (int rows in new[] { 1, products.Tallest + 1, 20 })
        {
            Random draw = new(rows);
            using GuardedBuffer dy = new(Operands.Floats(products, rows * stride)), residual = GuardedBuffer.Normal(draw, (rows - 1) * toStride + width);
            double[] expected = new double[rows * width], magnitudes = new double[rows * width];
            for (int row = 0; row < rows; row++)
            {
                // Where slots are padded dy is 0 in a network; numbers there must not count either.
                for (int k = 0; k < stride; k++)
                {
                    float value = Operands.Draw(draw, precision);
                    Operands.Write(products, dy.Pointer, row * stride + k, value);
                    (int layer, int head, int d) = (k / each, k % each / outputPad, k % outputPad);
                    if (layer >= layers || d >= outputSlot) { continue; }
                    float[] weights = linears[layer].Weight.ToFloats();
                    for (int input = 0; input < inputs; input++)
                    {
                        double product = value * (double)Operands.Rounded(weights[(head * outputSlot + d) * inputs + input], precision);
                        int place = row * width + input / inputSlot * inputPad + input % inputSlot;
                        expected[place] += product;
                        magnitudes[place] += Math.Abs(product);
                    }
                }
            }
            foreach (Store store in Enum.GetValues<Store>())
            {
                foreach (bool adds in new[] { false, true })
                {
                    int count = (rows - 1) * toStride + width;
                    bool isOperand = store == Store.Operand;
                    using GuardedBuffer dx = GuardedBuffer.NaN(isOperand ? Operands.Floats(products, count) : count);
                    for (int i = 0; isOperand && i < count; i++) { Operands.Write(products, dx.Pointer, i, float.NaN); }
                    packed.Multiply(store, dy.Pointer, stride, rows, dx.Pointer, toStride, adds ? residual.Pointer : null);
                    for (int i = 0; i < count; i++)
                    {
                        (int row, int column) = (i / toStride, i % toStride);
                        float value = isOperand ? Operands.Read(products, dx.Pointer, i) : dx.Span[i];
                        string what = $"{store}, {layers} of {outputs} x {inputs}, residual {adds}, {rows} rows, [{row}, {column}]";
                        if (column >= width)
                        {
                            Assert.True(float.IsNaN(value), what + " was written");
                            continue;
                        }
                        double right = expected[row * width + column] + (adds ? residual.Span[i] : 0);
                        double tolerance = Math.ScaleB(16 * magnitudes[row * width + column] + Math.Abs(right), -23);
                        Tiers.Close(right, value, tolerance + (isOperand ? Operands.Unit(precision) * Math.Abs(right) : 0) + 1e-30, what);
                    }
                }
            }
        }
    }

    private static int Pad(int width) => PackedLinear.PanelsOf(width) * Gemm.Columns;

    [Theory, MemberData(nameof(All))]
    public void Blocks_OfManyPanelsHaveRoomForAll(string tier, Precision precision, bool rounded)
    {
        const int Size = 256;
        ProductKernels products = Operands.Products(tier, precision, rounded);
        using RandomNetwork random = new(8, 1, 8, 1);
        Linear linear = random.Linear(Size, Size);
        using PackedTransposed one = new(products, [linear], Size, Size), two = new(products, [linear], Size, Size);
        using WorkerPool pool = new(1);
        one.Fill(pool.All, 0);
        float[] before = Multiply(one);
        ((float*)linear.Weight.Data)[0]++;
        two.Fill(pool.All, 0);
        Assert.Equal(before, Multiply(one));
        Assert.NotEqual(before[0], Multiply(two)[0]);

        float[] Multiply(PackedTransposed packed)
        {
            using GuardedBuffer dy = new(Size), dx = new(Size);
            for (int i = 0; i < Size; i++) { Operands.Write(products, dy.Pointer, i, 1); }
            packed.Multiply(Store.Float32, dy.Pointer, Size, 1, dx.Pointer, Size);
            return dx.Span.ToArray();
        }
    }
}
