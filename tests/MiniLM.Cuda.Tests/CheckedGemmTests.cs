using MiniLM.Compute.Reference;
using MiniLM.Kernels;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Cuda.Tests;

/// <summary>GEMMs by themselves, with all checks on: every number of rows around a tile, few steps of k, whatever stands behind the sums.</summary>
/// <remarks>A test a kernel, named by it, as in <see cref="CheckedKernelTests"/>. Operands are multiples of 1/64, so that sums are exact in fp32 and what is
/// stored is known but for the activation's own error.</remarks>
public sealed class CheckedGemmTests
{
    // Around fragments, warps and tiles, and more than two tiles.
    private static readonly (int Rows, int Steps)[] Shapes =
    [
        (1, 1), (15, 2), (16, 1), (17, 3), (18, 1), (63, 2), (64, 2), (65, 1), (66, 1), (127, 2), (128, 5), (129, 1), (300, 1),
    ];

    public static TheoryData<string> Kernels() => CheckedKernel.Of(isTraining: false, "GemmMma", "GemmSimt");

    public static TheoryData<string> TrainingKernelNames() => CheckedKernel.Of(isTraining: true, "GemmSimt", "GemmMma");

    public static TheoryData<string> NormKernels() => CheckedKernel.Of(isTraining: false, "GemmLayerNorm");

    /// <summary>Operands of a product in buffers of their own, and its exact sums.</summary>
    private sealed class Product
    {
        internal Product(CheckedKernel kernel, int rows, int columns, int depth, float greatest = 1)
        {
            (StoredValues values, Random random) = (kernel.Values, new Random(rows));
            float[] a = StoredValues.Random(random, rows * depth, greatest), b = StoredValues.Random(random, columns * depth, greatest);
            Bias = StoredValues.Random(random, columns, greatest);
            Residual = StoredValues.Random(random, rows * columns, greatest);
            Sums = new double[rows * columns];
            for (int i = 0; i < Sums.Length; i++)
            {
                for (int k = 0; k < depth; k++) { Sums[i] += (double)a[i / columns * depth + k] * b[i % columns * depth + k]; }
            }
            Arguments = new GemmArguments
            {
                A = values.Upload(a),
                B = values.Upload(b),
                C = values.Allocate(rows * columns),
                Bias = values.UploadPlain(Bias),
                Residual = values.Upload(Residual),
                StrideA = (uint)(depth * values.Bytes),
                StrideB = (uint)(depth * values.Bytes),
                StrideC = (uint)(columns * values.Bytes),
                Rows = (uint)rows,
            };
        }

        internal GemmArguments Arguments;

        internal float[] Bias { get; }
        internal float[] Residual { get; }
        internal double[] Sums { get; }
    }

    /// <summary>The one with the longest name that a kernel's has in it.</summary>
    private static Activation ActivationOf(string kernel) => Enum.GetValues<Activation>().OrderBy(activation => activation.ToString().Length)
        .LastOrDefault(activation => kernel.Contains(activation.ToString(), StringComparison.Ordinal));

    private static double Activated(Activation activation, double x)
    {
        double[] one = [x];
        Activations.Forward<double>(activation, one);
        return one[0];
    }

    private static double Error(Activation activation, double x) => activation is Activation.Identity or Activation.Relu ? 0 : 3e-7 + 1e-6 * Math.Abs(x);

    [Theory, MemberData(nameof(Kernels))]
    public void Gemm_StoresWhatItsActivationGivesAndAResidual(string kernel)
    {
        using CheckedKernel under = new(kernel);
        Activation activation = ActivationOf(kernel);
        bool roundsBefore = kernel.StartsWith("GemmMma", StringComparison.Ordinal); // the residual is added to what is stored
        foreach ((int rows, int steps) in Shapes)
        {
            int columns = under.Info.TileColumns * (rows == 17 ? 2 : 1), depth = steps * under.Info.TileDepth;
            Product product = new(under, rows, columns, depth);
            bool hasResidual = rows != 15;
            if (!hasResidual) { product.Arguments.Residual = 0; }
            under.Launcher.Gemm(kernel, product.Arguments, columns, depth);
            double[] c = under.Values.Download(product.Arguments.C, rows * columns);
            for (int i = 0; i < c.Length; i++)
            {
                double x = product.Sums[i] + product.Bias[i % columns], y = Activated(activation, x), error = Error(activation, x);
                double residual = hasResidual ? product.Residual[i] : 0, least = y - error, greatest = y + error;
                if (roundsBefore) { (least, greatest) = (under.Values.Round(least), under.Values.Round(greatest)); }
                StoredValues.AssertWithin(under.Values.Round(least + residual), under.Values.Round(greatest + residual), c[i],
                    $"{rows} rows, {steps} steps, element {i}");
            }
        }
    }

    [Theory, MemberData(nameof(TrainingKernelNames))]
    public void TrainingGemm_StoresWhatItsFormulaGives(string kernel)
    {
        using CheckedKernel under = new(kernel);
        Activation activation = ActivationOf(kernel);
        // On tensor cores the tile is in 16 bits before an epilogue reads it.
        Func<double, double> staged = TrainingKernels.OnTensorCores(kernel) ? under.Values.Round : x => x;
        foreach ((int rows, int steps) in Shapes)
        {
            int columns = under.Info.TileColumns * (rows == 17 ? 2 : 1), depth = steps * under.Info.TileDepth;
            Product product = new(under, rows, columns, depth);
            string what = $"{rows} rows, {steps} steps";
            if (kernel.Contains("Dropout", StringComparison.Ordinal))
            {
                int[] numbers = [.. Enumerable.Range(0, rows).Select(row => 100_000 - 3 * row)];
                AssertDrops(under, kernel, product, depth, under.Dropout(DropoutSite.FeedForwardOutput, rows == 65 ? 0 : .25f, numbers), numbers, what);
                continue;
            }
            ulong other = under.Values.Allocate(rows * columns);
            GemmActivationArguments arguments = new() { Gemm = product.Arguments };
            if (kernel.Contains("Training", StringComparison.Ordinal))
            {
                arguments.BeforeActivation = other;
                under.Launcher.Gemm(kernel, arguments, columns, depth);
                double[] u = under.Values.Download(other, rows * columns), c = under.Values.Download(product.Arguments.C, rows * columns);
                for (int i = 0; i < c.Length; i++)
                {
                    double x = product.Sums[i] + product.Bias[i % columns];
                    under.Values.AssertStored(x, 0, u[i], $"{what}, input {i}");
                    x = staged(x);
                    under.Values.AssertStored(Activated(activation, x), Error(activation, x), c[i], $"{what}, element {i}");
                }
                continue;
            }
            (arguments.BeforeActivation, arguments.Activated) = (under.Values.Upload(Array.ConvertAll(product.Residual, x => 4 * x)), other);
            under.Launcher.Gemm(kernel, arguments, columns, depth);
            double[] activated = under.Values.Download(other, rows * columns), dx = under.Values.Download(product.Arguments.C, rows * columns);
            for (int i = 0; i < dx.Length; i++)
            {
                // On tensor cores what leaves the tile has a bias like any product, of zeros in a network.
                double bias = TrainingKernels.OnTensorCores(kernel) ? product.Bias[i % columns] : 0;
                double x = 4 * product.Residual[i], gradient = staged(product.Sums[i] + bias);
                double[] slope = [gradient];
                Activations.Backward<double>(activation, [x], slope);
                double error = activation == Activation.Relu ? 0 : 1e-6 * Math.Abs(gradient);
                under.Values.AssertStored(slope[0], error, dx[i], $"{what}, gradient {i}");
                under.Values.AssertStored(Activated(activation, x), Error(activation, x), activated[i], $"{what}, activated {i}");
            }
        }
    }

    public static TheoryData<string> DropoutKernels() => CheckedKernel.Of(isTraining: true, "GemmSimtDropout", "GemmMmaDropout");

    // A thread has four columns, and four 32 further, or eight; all rows have one number here, so that in each the column is at the border.
    [Theory, MemberData(nameof(DropoutKernels))]
    public void DropoutGemm_KeepsTheValueWhoseNumberIsTheThreshold(string kernel)
    {
        using CheckedKernel under = new(kernel);
        int rows = under.Info.TileRows, columns = under.Info.TileColumns, depth = under.Info.TileDepth;
        Product product = new(under, rows, columns, depth);
        int[] numbers = [.. Enumerable.Repeat(5, rows)];
        foreach (int column in new[] { 0, 1, 2, 3, 4, 5, 6, 7, 32, 33, 34, 35 })
        {
            var dropout = under.DropoutAt(DropoutSite.FeedForwardOutput, column, numbers);
            Assert.NotEqual(0, dropout.Mask.Factor(numbers[0], column));
            AssertDrops(under, kernel, product, depth, dropout, numbers, $"threshold of column {column}");
        }
    }

    // Of fp32 a sum times 1 / (1 - p) is rounded, and its sum with the residual again; a mask that keeps all changes nothing.
    private static void AssertDrops(CheckedKernel under, string kernel, Product product, int depth, (DropoutArguments Arguments, DropoutMask Mask) dropout,
        int[] numbers, string what)
    {
        int columns = product.Bias.Length;
        under.Launcher.Gemm(kernel, new GemmDropoutArguments { Gemm = product.Arguments, Dropout = dropout.Arguments }, columns, depth);
        double[] c = under.Values.Download(product.Arguments.C, product.Sums.Length);
        for (int i = 0; i < c.Length; i++)
        {
            double sum = product.Sums[i] + product.Bias[i % columns], factor = dropout.Mask.Factor(numbers[i / columns], i % columns);
            if (TrainingKernels.OnTensorCores(kernel))
            {
                double kept = under.Values.Round(under.Values.Round(sum) * factor); // each is one fp32 operation of stored numbers
                StoredValues.AssertWithin(under.Values.Round(kept + product.Residual[i]), under.Values.Round(kept + product.Residual[i]), c[i],
                    $"{what}, element {i}");
                continue;
            }
            double x = sum * factor;
            under.Values.AssertStored(x + product.Residual[i], dropout.Mask.IsOff ? 0 : 2e-7 * (1 + Math.Abs(x)), c[i], $"{what}, element {i}");
        }
    }

    public static TheoryData<string> TrainingNormKernels() => CheckedKernel.Of(isTraining: true, "GemmLayerNormTraining");

    // What was normalised, its statistics and the rows, with a value at the mask's threshold in each column of a lane.
    [Theory, MemberData(nameof(TrainingNormKernels))]
    public void TrainingGemmLayerNorm_DropsAndKeepsWhatBackwardNeeds(string kernel)
    {
        using CheckedKernel under = new(kernel);
        int columns = under.Info.TileColumns;
        foreach ((int rows, int steps) in Shapes)
        {
            int depth = steps * under.Info.TileDepth;
            Product product = new(under, rows, columns, depth, 1 / 8f);
            float[] gamma = StoredValues.Random(new Random(1), columns), beta = StoredValues.Random(new Random(2), columns);
            int[] numbers = [.. Enumerable.Range(0, rows).Select(row => rows % 2 == 0 ? 5 : 100_000 - 3 * row)];
            (DropoutArguments arguments, DropoutMask mask) = rows == 65 ? under.Dropout(DropoutSite.AttentionOutput, 0, numbers)
                : rows % 2 == 0 ? under.DropoutAt(DropoutSite.AttentionOutput, rows % 8, numbers)
                : under.Dropout(DropoutSite.AttentionOutput, .25f, numbers);
            product.Arguments.Gamma = under.Values.UploadPlain(gamma);
            product.Arguments.Beta = under.Values.UploadPlain(beta);
            product.Arguments.Epsilon = 1e-5f;
            GemmLayerNormTrainingArguments fused = new()
            {
                Gemm = product.Arguments,
                Sum = under.Values.Allocate(rows * columns),
                Statistics = under.Values.AllocatePlain(rows * 2),
                Dropout = arguments,
            };
            under.Launcher.Gemm(kernel, fused, columns, depth);
            double[] sum = under.Values.Download(fused.Sum, rows * columns), y = under.Values.Download(product.Arguments.C, rows * columns);
            float[] statistics = under.Values.DownloadPlain(fused.Statistics, rows * 2);
            double[] before = new double[sum.Length], expected = new double[sum.Length];
            for (int i = 0; i < sum.Length; i++)
            {
                before[i] = (product.Sums[i] + product.Bias[i % columns]) * mask.Factor(numbers[i / columns], i % columns) + product.Residual[i];
            }
            LayerNorm.Forward<double>(before, Doubles(gamma), Doubles(beta), product.Arguments.Epsilon, expected);
            for (int row = 0; row < rows; row++)
            {
                double[] line = before[(row * columns)..((row + 1) * columns)];
                double mean = line.Average(), rstd = 1 / Math.Sqrt(line.Average(x => (x - mean) * (x - mean)) + product.Arguments.Epsilon);
                StoredValues.AssertNear(mean, 1e-6, statistics[2 * row], $"{rows} rows, mean of {row}");
                StoredValues.AssertNear(rstd, 2e-6 * rstd, statistics[2 * row + 1], $"{rows} rows, deviation of {row}");
            }
            for (int i = 0; i < y.Length; i++)
            {
                under.Values.AssertStored(before[i], 2e-7 * (1 + Math.Abs(before[i])), sum[i], $"{rows} rows, sum {i}");
                under.Values.AssertStored(expected[i], 2e-6 + 1e-6 * Math.Abs(expected[i]), y[i], $"{rows} rows, element {i}");
            }
        }
    }

    // Rows whose variance is a little more than the greatest epsilon.
    [Theory, MemberData(nameof(NormKernels))]
    public void GemmLayerNorm_NormalizesRowsWithEveryEpsilon(string kernel)
    {
        using CheckedKernel under = new(kernel);
        int columns = under.Info.TileColumns;
        float[] epsilons = [1e-12f, 1e-5f, 1e-3f];
        foreach ((int rows, int steps) in Shapes)
        {
            int depth = steps * under.Info.TileDepth;
            Product product = new(under, rows, columns, depth, 1 / 8f);
            float[] gamma = StoredValues.Random(new Random(1), columns), beta = StoredValues.Random(new Random(2), columns);
            product.Arguments.Gamma = under.Values.UploadPlain(gamma);
            product.Arguments.Beta = under.Values.UploadPlain(beta);
            product.Arguments.Epsilon = epsilons[rows % 3];
            under.Launcher.Gemm(kernel, product.Arguments, columns, depth);
            double[] c = under.Values.Download(product.Arguments.C, rows * columns), y = new double[c.Length];
            for (int i = 0; i < y.Length; i++) { y[i] = product.Sums[i] + product.Bias[i % columns] + product.Residual[i]; }
            LayerNorm.Forward<double>(y, Doubles(gamma), Doubles(beta), product.Arguments.Epsilon, y);
            for (int i = 0; i < c.Length; i++) { under.Values.AssertStored(y[i], 2e-6 + 1e-6 * Math.Abs(y[i]), c[i], $"{rows} rows, element {i}"); }
        }
    }

    private static double[] Doubles(float[] values) => Array.ConvertAll(values, value => (double)value);
}
