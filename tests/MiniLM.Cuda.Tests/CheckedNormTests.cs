using MiniLM.Compute.Reference;
using MiniLM.Kernels;
using MiniLM.Training;

namespace MiniLM.Cuda.Tests;

/// <summary>LayerNorm, with the gather of embeddings and on the way back, and the normalisation of rows, by themselves, with all checks on: each buffer an
/// allocation of its own and the last block cut, so that no byte outside is read or written.</summary>
/// <remarks>A test a kernel, named by it, as in <see cref="CheckedKernelTests"/>.</remarks>
public sealed class CheckedNormTests
{
    private static readonly float[] Epsilons = [1e-12f, 1e-5f, 1e-3f];

    // Less and more than a warp's step of 128, and padding from each element of a vector on.
    private static readonly (int Width, int Padded)[] Widths = [(63, 64), (190, 192), (256, 256), (132, 192), (65, 128)];

    public static TheoryData<string> Norms() => [.. CheckedKernel.Of(false, "LayerNorm").Concat(CheckedKernel.Of(true, "LayerNormTraining"))];

    public static TheoryData<string> Embeddings() => [.. CheckedKernel.Of(false, "EmbeddingLayerNorm").Concat(CheckedKernel.Of(true, "EmbeddingTraining"))];

    public static TheoryData<string> Backwards() => CheckedKernel.Of(true, "LayerNormBackward");

    /// <summary>Rows of small values, so that every epsilon shows; one of equal values, which give exactly beta.</summary>
    private static float[] Rows(StoredValues values, int rows, int width, int padded, int seed)
    {
        float[] x = new float[rows * padded];
        Random random = new(seed);
        for (int i = 0; i < x.Length; i++)
        {
            if (i % padded < width) { x[i] = i / padded == 1 ? .3f : 2 + (random.NextSingle() - .5f) / (1 + i / padded % 4 * 8); }
        }
        return values.Round(x);
    }

    /// <summary>A vector that is zero behind the width.</summary>
    private static float[] Vector(int width, int padded, int seed) => [.. StoredValues.Random(new Random(seed), width), .. new float[padded - width]];

    private static double[] Doubles(ReadOnlySpan<float> values)
    {
        double[] doubles = new double[values.Length];
        for (int i = 0; i < doubles.Length; i++) { doubles[i] = values[i]; }
        return doubles;
    }

    private static (double Mean, double Rstd) Statistics(double[] row, double epsilon)
    {
        double mean = row.Average();
        return (mean, 1 / Math.Sqrt(row.Sum(x => (x - mean) * (x - mean)) / row.Length + epsilon));
    }

    [Theory, MemberData(nameof(Norms))]
    public void LayerNorm_NormalizesRowsWithEveryEpsilon(string kernel)
    {
        const int Rows = 9; // more than two blocks
        bool trains = TrainingKernels.Has(kernel);
        using CheckedKernel under = new(kernel);
        StoredValues values = under.Values;
        for (int i = 0; i < Widths.Length; i++)
        {
            (int width, int padded) = Widths[i];
            int stride = padded + 8;
            float[] x = CheckedNormTests.Rows(values, Rows, width, padded, seed: i), gamma = Vector(width, padded, 1), beta = Vector(width, padded, 2);
            LayerNormArguments arguments = new()
            {
                X = values.Upload(x),
                Y = values.Allocate((Rows - 1) * stride + padded),
                Gamma = values.UploadPlain(gamma),
                Beta = values.UploadPlain(beta),
                StrideX = (uint)(padded * values.Bytes),
                StrideY = (uint)(stride * values.Bytes),
                Rows = Rows,
                Width = (uint)width,
                Padded = (uint)padded,
                Epsilon = Epsilons[i % Epsilons.Length],
            };
            ulong statistics = values.AllocatePlain(2 * Rows);
            if (trains) { under.Launcher.LayerNorm(kernel, new LayerNormTrainingArguments { Norm = arguments, Statistics = statistics }); }
            else { under.Launcher.LayerNorm(kernel, arguments); }
            double[] y = values.Download(arguments.Y, (Rows - 1) * stride + padded);
            for (int row = 0; row < Rows; row++)
            {
                double[] of = Doubles(x.AsSpan(row * padded, width)), expected = new double[width];
                LayerNorm.Forward<double>(of, Doubles(gamma.AsSpan(..width)), Doubles(beta.AsSpan(..width)), arguments.Epsilon, expected);
                // The mean's rounding, of values near 2, in units of the deviation.
                double error = row == 1 ? 0 : 2e-6 + 3e-7 * Statistics(of, arguments.Epsilon).Rstd;
                AssertRow(values, expected, error, y.AsSpan(row * stride, padded), $"width {width}, row {row}");
                if (trains && row != 1) { AssertStatistics(of, arguments.Epsilon, values.DownloadPlain(statistics, 2 * Rows), row); }
            }
        }
    }

    private static void AssertRow(StoredValues values, double[] expected, double error, ReadOnlySpan<double> actual, string what)
    {
        for (int i = 0; i < actual.Length; i++)
        {
            double y = i < expected.Length ? expected[i] : 0;
            values.AssertStored(y, i < expected.Length ? error * (1 + Math.Abs(y)) : 0, actual[i], $"{what}, element {i}");
        }
    }

    private static void AssertStatistics(double[] row, double epsilon, float[] statistics, int number)
    {
        (double mean, double rstd) = Statistics(row, epsilon);
        StoredValues.AssertNear(mean, 1e-6, statistics[2 * number], $"mean of row {number}");
        StoredValues.AssertNear(rstd, 2e-6 * rstd, statistics[2 * number + 1], $"deviation of row {number}");
    }

    [Theory, MemberData(nameof(Embeddings))]
    public void EmbeddingLayerNorm_NormalizesSumsOfItsTables(string kernel)
    {
        const int Rows = 9, Words = 12, Positions = 10, Types = 2;
        bool trains = TrainingKernels.Has(kernel);
        using CheckedKernel under = new(kernel);
        StoredValues values = under.Values;
        int[] words = [3, 11, 0, 3, 7, 1, 9, 2, 5], positions = [0, 1, 2, 9, 4, 5, 6, 7, 8], types = [0, 0, 1, 1, 0, 1, 0, 1, 1];
        int[] numbers = [.. words.Select(id => 70 - id)];
        for (int i = 0; i < Widths.Length + (trains ? 8 : 0); i++)
        {
            (int width, int padded) = Widths[i % Widths.Length];
            bool hasTypes = i != 0;
            float[] word = Table(Words, 1), position = Table(Positions, 2), type = Table(Types, 3);
            float[] gamma = Vector(width, padded, 4), beta = Vector(width, padded, 5);
            ulong statistics = values.AllocatePlain(2 * Rows), sums = values.Allocate(Rows * padded);
            LayerNormArguments norm = new()
            {
                X = trains ? sums : 0,
                Y = values.Allocate(Rows * padded),
                Gamma = values.UploadPlain(gamma),
                Beta = values.UploadPlain(beta),
                StrideX = (uint)(padded * values.Bytes),
                StrideY = (uint)(padded * values.Bytes),
                Rows = Rows,
                Width = (uint)width,
                Padded = (uint)padded,
                Epsilon = Epsilons[i % Epsilons.Length],
            };
            EmbeddingArguments arguments = new()
            {
                Words = values.Upload(word),
                Positions = values.Upload(position),
                Types = hasTypes ? values.Upload(type) : 0,
                WordIds = values.UploadPlain(words),
                PositionIds = values.UploadPlain(positions),
                TypeIds = values.UploadPlain(types),
                Norm = norm,
            };
            (DropoutArguments dropout, DropoutMask mask) = i < Widths.Length
                ? under.Dropout(DropoutSite.Embeddings, trains && i != 1 ? .3f : 0, numbers)
                : under.DropoutAt(DropoutSite.Embeddings, i - Widths.Length, numbers);
            if (trains)
            {
                under.Launcher.Embedding(kernel, new EmbeddingTrainingArguments { Embedding = arguments, Statistics = statistics, Dropout = dropout });
            }
            else { under.Launcher.Embedding(kernel, arguments); }
            double[] y = values.Download(norm.Y, Rows * padded);
            for (int row = 0; row < Rows; row++)
            {
                double[] sum = new double[width], expected = new double[width];
                for (int d = 0; d < width; d++)
                {
                    sum[d] = (double)word[words[row] * padded + d] + position[positions[row] * padded + d] + (hasTypes ? type[types[row] * padded + d] : 0);
                }
                LayerNorm.Forward<double>(sum, Doubles(gamma.AsSpan(..width)), Doubles(beta.AsSpan(..width)), norm.Epsilon, expected);
                for (int d = 0; d < width; d++) { expected[d] *= mask.Factor(numbers[row], d); }
                string what = $"width {width}, row {row}";
                AssertRow(values, expected, 3e-6, y.AsSpan(row * padded, padded), what);
                if (!trains) { continue; }
                AssertRow(values, sum, 0, values.Download(sums, Rows * padded).AsSpan(row * padded, padded), what + " of sums");
                AssertStatistics(sum, norm.Epsilon, values.DownloadPlain(statistics, 2 * Rows), row);
            }

            // Multiples of 1/64: their sums are exact.
            float[] Table(int rows, int seed) => [.. Enumerable.Range(0, rows).SelectMany(row => Vector(width, padded, 100 * seed + row).Select(x => x / 4))];
        }
    }

    // Formula in LayerNormBackwardArguments; more rows than a block's 32.
    [Theory, MemberData(nameof(Backwards))]
    public void LayerNormBackward_GivesTheGradientsOfRowsAndItsSums(string kernel)
    {
        const int Rows = 37, BlockRows = 32;
        using CheckedKernel under = new(kernel);
        StoredValues values = under.Values;
        int[] numbers = [.. Enumerable.Range(0, Rows).Select(row => 900 - 2 * row)];
        for (int i = 0; i < Widths.Length + 16; i++)
        {
            (int width, int padded) = Widths[i % Widths.Length];
            bool drops = i != 1;
            float[] x = CheckedNormTests.Rows(values, Rows, width, padded, seed: i), gamma = Vector(width, padded, 1);
            float[] dy = [.. Enumerable.Range(0, Rows).SelectMany(row => Vector(width, padded, row))], statistics = new float[2 * Rows];
            for (int row = 0; row < Rows; row++)
            {
                (double mean, double rstd) = Statistics(Doubles(x.AsSpan(row * padded, width)), 1e-2);
                (statistics[2 * row], statistics[2 * row + 1]) = ((float)mean, (float)rstd);
            }
            // Behind the widths the threshold of one mask is the number of a column; both take the rows' numbers from the first.
            int border = i - Widths.Length;
            var edge = border < 0 ? default : under.DropoutAt(border < 8 ? DropoutSite.Embeddings : DropoutSite.AttentionOutput, border % 8, numbers);
            (DropoutArguments above, DropoutMask maskAbove) =
                border is >= 0 and < 8 ? edge : under.Dropout(DropoutSite.Embeddings, drops ? .25f : 0, numbers);
            (DropoutArguments below, DropoutMask maskBelow) =
                border >= 8 ? edge : under.Dropout(DropoutSite.AttentionOutput, drops ? .4f : 0, numbers);
            int blocks = KernelLauncher.BlocksOfLayerNormBackward(Rows);
            ulong given = values.Upload(dy);
            LayerNormBackwardArguments arguments = new()
            {
                Dy = given,
                X = values.Upload(x),
                Dx = i == 2 ? given : values.Allocate(Rows * padded), // in place
                Dropped = drops ? values.Allocate(Rows * padded) : 0,
                Statistics = values.UploadPlain(statistics),
                Gamma = values.UploadPlain(gamma),
                Sums = values.AllocatePlain(blocks * 2 * padded),
                Above = above,
                Below = below,
                Stride = (uint)(padded * values.Bytes),
                Rows = Rows,
                Width = (uint)width,
                Padded = (uint)padded,
            };
            under.Launcher.LayerNormBackward(kernel, arguments);
            double[] dx = values.Download(arguments.Dx, Rows * padded), dropped = drops ? values.Download(arguments.Dropped, Rows * padded) : [];
            double[] sums = new double[blocks * 2 * padded];
            for (int row = 0; row < Rows; row++)
            {
                double mean = statistics[2 * row], rstd = statistics[2 * row + 1], sum = 0, projection = 0;
                double[] n = new double[width], upstream = new double[width], expected = new double[padded], passed = new double[padded];
                for (int d = 0; d < width; d++)
                {
                    n[d] = (x[row * padded + d] - mean) * rstd;
                    upstream[d] = (double)dy[row * padded + d] * maskAbove.Factor(numbers[row], d);
                    sum += upstream[d] * gamma[d];
                    projection += upstream[d] * gamma[d] * n[d];
                    int at = row / BlockRows * 2 * padded + d;
                    sums[at] += upstream[d] * n[d];
                    sums[at + padded] += upstream[d];
                }
                for (int d = 0; d < width; d++)
                {
                    expected[d] = rstd * (upstream[d] * gamma[d] - sum / width - n[d] * projection / width);
                    passed[d] = expected[d] * maskBelow.Factor(numbers[row], d);
                }
                double error = 2e-6 * rstd * above.Scale;
                for (int d = 0; d < padded; d++)
                {
                    values.AssertStored(expected[d], d < width ? error : 0, dx[row * padded + d], $"width {width}, row {row}, element {d}");
                    if (!drops) { continue; }
                    double errorBelow = passed[d] == 0 ? 0 : 2 * error * below.Scale;
                    values.AssertStored(passed[d], errorBelow, dropped[row * padded + d], $"width {width}, row {row}, dropped {d}");
                }
            }
            float[] actual = values.DownloadPlain(arguments.Sums, sums.Length);
            for (int d = 0; d < sums.Length; d++) { StoredValues.AssertNear(sums[d], 2e-5 * above.Scale, actual[d], $"width {width}, sum {d}"); }
        }
    }

    // A row of zeros, one shorter than the floor of 1e-12, one just longer, and others.
    private static float[] Directions(int rows, int width, int stride)
    {
        Random random = new(5);
        float[] x = new float[(rows - 1) * stride + width];
        for (int i = 0; i < x.Length; i++)
        {
            if (i % stride < width) { x[i] = (random.NextSingle() - .5f) * ((i / stride) switch { 1 or 4 => 0, 2 => 1e-15f, 3 => 1e-6f, _ => 3 }); }
        }
        x[4 * stride + 40] = 1.0005e-12f;
        return x;
    }

    [Theory, InlineData("NormalizeF32")]
    public void Normalize_GivesRowsOfLengthOne(string kernel)
    {
        const int Rows = 6, Width = 67, Stride = 72;
        using CheckedKernel under = new(kernel);
        float[] x = Directions(Rows, Width, Stride);
        ulong at = under.Values.UploadPlain(x);
        under.Launcher.Normalize(new NormalizeArguments { X = at, StrideX = Stride * 4, Rows = Rows, Width = Width });
        float[] y = under.Values.DownloadPlain(at, x.Length);
        for (int row = 0; row < Rows; row++)
        {
            double norm = Math.Max(1e-12, Length(x.AsSpan(row * Stride, Width)));
            for (int d = 0; d < Width; d++)
            {
                double expected = x[row * Stride + d] / norm;
                StoredValues.AssertNear(expected, 1e-6 * Math.Abs(expected), y[row * Stride + d], $"row {row}, element {d}");
            }
        }
    }

    private static double Length(ReadOnlySpan<float> row)
    {
        double squares = 0;
        foreach (float value in row) { squares += (double)value * value; }
        return Math.Sqrt(squares);
    }

    [Theory, InlineData("NormalizeBackwardF32")]
    public void NormalizeBackward_GivesTheGradientOfRows(string kernel)
    {
        const int Rows = 6, Width = 67, Stride = 72;
        using CheckedKernel under = new(kernel);
        float[] x = Directions(Rows, Width, Stride), dy = StoredValues.Random(new Random(6), x.Length);
        ulong at = under.Values.UploadPlain(dy);
        NormalizeBackwardArguments arguments = new() { X = under.Values.UploadPlain(x), Dy = at, Stride = Stride * 4, Rows = Rows, Width = Width };
        under.Launcher.NormalizeBackward(arguments);
        float[] dx = under.Values.DownloadPlain(at, dy.Length);
        for (int row = 0; row < Rows; row++)
        {
            double length = Length(x.AsSpan(row * Stride, Width)), norm = Math.Max(1e-12, length), dot = 0;
            for (int d = 0; d < Width && length > 1e-12; d++) { dot += x[row * Stride + d] / norm * dy[row * Stride + d]; }
            for (int d = 0; d < Width; d++)
            {
                double expected = (dy[row * Stride + d] - x[row * Stride + d] / norm * dot) / norm;
                StoredValues.AssertNear(expected, 2e-6 / norm, dx[row * Stride + d], $"row {row}, element {d}");
            }
        }
    }
}
