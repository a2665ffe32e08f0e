using MiniLM.Kernels;

namespace MiniLM.Cuda.Tests;

/// <summary>The sums of a backward pass and the step of the optimiser by themselves, with all checks on: each buffer an allocation of its own.</summary>
/// <remarks>A test a kernel, named by it, as in <see cref="CheckedKernelTests"/>. Values are multiples of 1/64, so that sums are exact.</remarks>
public sealed class CheckedSumTests
{
    public static TheoryData<string> WeightGradients() => CheckedKernel.Of(true, "WeightGradient");

    public static TheoryData<string> Embeddings() => CheckedKernel.Of(true, "EmbeddingSums", "EmbeddingGradient");

    public static TheoryData<string> Norms() => CheckedKernel.Of(true, "Gradient");

    public static TheoryData<string> Optimizers() => CheckedKernel.Of(true, "AdamW", "WeightCopies");

    [Theory, MemberData(nameof(WeightGradients))]
    public void WeightGradient_SumsEachPartOfTheRows(string kernel)
    {
        using CheckedKernel under = new(kernel);
        // The last step has two rows; on tensor cores four steps are more than the stages of the copies.
        (int rows, int rowsOfPart) = TrainingKernels.OnTensorCores(kernel) ? (162, 128) : (98, 64);
        AssertWeightGradients(under, kernel, rows, rowsOfPart);
        AssertWeightGradients(under, kernel, rows: 1, rowsOfPart);
    }

    // Matrices in one launch: more than a tile of outputs and of inputs; one without a bias; each place of a thread's sums at an edge, with inputs that are
    // no multiple of 4. On tensor cores widths are multiples of 32.
    private static void AssertWeightGradients(CheckedKernel under, string kernel, int rows, int rowsOfPart)
    {
        int parts = (rows + rowsOfPart - 1) / rowsOfPart;
        (int Outputs, int Inputs, bool HasBias)[] shapes = TrainingKernels.OnTensorCores(kernel)
            ? [(160, 96, true), (32, 160, false), (64, 64, true), (96, 32, true), (128, 128, true), (32, 32, true), (256, 128, false)]
            :
            [
                (140, 72, true), (4, 133, false), (9, 8, true), (14, 40, true), (15, 40, true), (68, 40, true), (69, 40, true), (70, 40, true),
                (75, 40, true), (130, 5, true), (130, 6, true), (130, 7, true), (130, 37, true), (130, 38, true), (130, 39, true),
            ];
        StoredValues values = under.Values;
        List<WeightGradient> matrices = [];
        List<int> tiles = [];
        List<(float[] Dy, float[] X)> operands = [];
        foreach ((int outputs, int inputs, bool hasBias) in shapes)
        {
            int strideDy = (outputs + 3) / 4 * 4, strideX = (inputs + 3) / 4 * 4 + (TrainingKernels.OnTensorCores(kernel) ? 8 : 4);
            Random random = new(outputs);
            operands.Add((Padded(random, outputs, strideDy), Padded(random, inputs, strideX)));
            for (int output = 0; output < outputs; output += under.Info.TileRows)
            {
                for (int input = 0; input < inputs; input += under.Info.TileColumns) { tiles.AddRange([matrices.Count, output, input, 0]); }
            }
            matrices.Add(new WeightGradient
            {
                Dy = values.Upload(operands[^1].Dy),
                X = values.Upload(operands[^1].X),
                Sums = values.AllocatePlain(parts * outputs * inputs),
                BiasSums = hasBias ? values.AllocatePlain(parts * outputs) : 0,
                StrideDy = (uint)(strideDy * values.Bytes),
                StrideX = (uint)(strideX * values.Bytes),
                Outputs = (uint)outputs,
                Inputs = (uint)inputs,
            });
        }
        under.Launcher.WeightGradient(kernel, new WeightGradientArguments
        {
            Matrices = values.UploadPlain(matrices.ToArray()),
            Tiles = values.UploadPlain(tiles.ToArray()),
            Rows = (uint)rows,
            RowsOfPart = (uint)rowsOfPart,
        }, tiles.Count / 4, parts);
        for (int m = 0; m < shapes.Length; m++)
        {
            ((int outputs, int inputs, bool hasBias), (float[] dy, float[] x)) = (shapes[m], operands[m]);
            int strideDy = dy.Length / rows, strideX = x.Length / rows;
            float[] sums = values.DownloadPlain(matrices[m].Sums, parts * outputs * inputs),
                biases = hasBias ? values.DownloadPlain(matrices[m].BiasSums, parts * outputs) : [];
            for (int part = 0; part < parts; part++)
            {
                (int first, int end) = (part * rowsOfPart, Math.Min(rows, (part + 1) * rowsOfPart));
                for (int output = 0; output < outputs; output++)
                {
                    double bias = 0;
                    for (int row = first; row < end; row++) { bias += dy[row * strideDy + output]; }
                    if (hasBias) { Assert.Equal(bias, biases[part * outputs + output]); }
                    for (int input = 0; input < inputs; input++)
                    {
                        double sum = 0;
                        for (int row = first; row < end; row++) { sum += (double)dy[row * strideDy + output] * x[row * strideX + input]; }
                        Assert.True(sum == sums[(part * outputs + output) * inputs + input], $"matrix {m}, part {part}, output {output}, input {input}");
                    }
                }
            }
        }

        // What pads a row is zero.
        float[] Padded(Random random, int width, int stride) =>
            [.. Enumerable.Range(0, rows).SelectMany(_ => StoredValues.Random(random, width).Concat(new float[stride - width]))];
    }

    [Theory, InlineData("SumPartsF32")]
    public void SumParts_AddsThePartsOfEachSumOrPutsThemInItsPlace(string kernel)
    {
        AssertSumsOfParts(kernel, adds: true);
        AssertSumsOfParts(kernel, adds: false);
    }

    private static void AssertSumsOfParts(string kernel, bool adds)
    {
        // A thread has four values, 256 apart: the end is met at each.
        (int Count, int Parts, int Stride)[] shapes = [(300, 3, 304), (5, 1, 8), (1030, 4, 1031), (256, 2, 256), (600, 2, 604), (901, 2, 901)];
        using CheckedKernel under = new(kernel);
        Random random = new(3);
        float[][] from = [.. shapes.Select(shape => StoredValues.Random(random, (shape.Parts - 1) * shape.Stride + shape.Count))],
            to = [.. shapes.Select(shape => StoredValues.Random(random, shape.Count))];
        PartialSum[] sums = [.. shapes.Select((shape, i) => new PartialSum
        {
            From = under.Values.UploadPlain(from[i]),
            To = under.Values.UploadPlain(to[i]),
            Count = (uint)shape.Count,
            Parts = (uint)shape.Parts,
            Stride = (ulong)shape.Stride * 4,
        })];
        int[] pieces = [.. shapes.SelectMany((shape, i) => Enumerable.Range(0, (shape.Count + PartialSum.Piece - 1) / PartialSum.Piece)
            .SelectMany(piece => new[] { i, piece * PartialSum.Piece }))];
        SumPartsArguments arguments = new() { Sums = under.Values.UploadPlain(sums), Pieces = under.Values.UploadPlain(pieces), Adds = adds ? 1u : 0 };
        under.Launcher.SumParts(arguments, pieces.Length / 2);
        for (int s = 0; s < sums.Length; s++)
        {
            float[] actual = under.Values.DownloadPlain(sums[s].To, shapes[s].Count);
            for (int i = 0; i < actual.Length; i++)
            {
                Assert.Equal((adds ? to[s][i] : 0) + Enumerable.Range(0, shapes[s].Parts).Sum(part => from[s][part * shapes[s].Stride + i]), actual[i]);
            }
        }
    }

    // Rows of three ids, one of them in two segments, and one row that is no id's (padding).
    [Theory, MemberData(nameof(Embeddings))]
    public void EmbeddingGradient_AddsTheRowsOfEachId(string kernel)
    {
        const int Width = 131, Stride = 136, Rows = 8, TableRows = 7;
        int[] order = [5, 0, 3, 6, 1, 7, 4], segments = [0, 2, 3, 6, 7], ids = [4, 0, 6], runs = [0, 2, 3, 4];
        string sums = kernel.StartsWith("EmbeddingSums", StringComparison.Ordinal) ? kernel : "EmbeddingSumsF32";
        using CheckedKernel under = new(kernel);
        float[] dx = StoredValues.Random(new Random(1), (Rows - 1) * Stride + Width), table = StoredValues.Random(new Random(2), TableRows * Width);
        EmbeddingGradientArguments arguments = new()
        {
            Dx = under.Values.Upload(dx),
            Order = under.Values.UploadPlain(order),
            Segments = under.Values.UploadPlain(segments),
            Sums = under.Values.AllocatePlain((segments.Length - 1) * Width),
            Ids = under.Values.UploadPlain(ids),
            Runs = under.Values.UploadPlain(runs),
            Gradient = under.Values.UploadPlain(table),
            Stride = (uint)(Stride * under.Values.Bytes),
            Width = Width,
        };
        under.Launcher.EmbeddingGradient(sums, arguments, segments.Length - 1, ids.Length);
        float[] ofSegments = under.Values.DownloadPlain(arguments.Sums, (segments.Length - 1) * Width),
            gradient = under.Values.DownloadPlain(arguments.Gradient, table.Length);
        for (int i = 0; i < ofSegments.Length; i++)
        {
            (int segment, int column) = (i / Width, i % Width);
            Assert.Equal(order[segments[segment]..segments[segment + 1]].Sum(row => dx[row * Stride + column]), ofSegments[i]);
        }
        for (int id = 0; id < ids.Length; id++)
        {
            for (int d = 0; d < Width; d++)
            {
                for (int segment = runs[id]; segment < runs[id + 1]; segment++) { table[ids[id] * Width + d] += ofSegments[segment * Width + d]; }
            }
        }
        Assert.Equal(table, gradient);
    }

    [Theory, MemberData(nameof(Norms))]
    public void GradientNorm_SaysTheNormWhatItIsCutToAndWhetherItIsFinite(string kernel)
    {
        _ = kernel; // both run
        const float Infinite = float.PositiveInfinity;
        // cut: the greatest norm, of the norm that is; where that is small, what keeps it from zero shows.
        foreach ((float magnitude, float scale, float cut, float bad) in new[]
        {
            (1f, 1f, Infinite, 0f), (1, 1024, .5f, 0), (1, 1, 1.0005f, 0), (1, 2, 3, 0), (1e-8f, 1, .5f, 0), (1, 1, 1, float.NaN), (1, 1, 1, Infinite),
            (1, 1, 1, 1e30f),
        })
        {
            using CheckedKernel under = new("GradientNormF32");
            uint[] pieces = [3, 1, 10, 255, 300, 256, 600, 257, 1000, 8192]; // more than 8,192 are cut by the host
            uint[] many = [.. pieces, .. Enumerable.Range(0, 300).SelectMany(i => new uint[] { (uint)(9200 + i), 1 })]; // more pieces than threads
            float[] gradients = StoredValues.Random(new Random(1), 9500, magnitude);
            double[] ofPieces = [.. Enumerable.Range(0, many.Length / 2).Select(i =>
                gradients.AsSpan((int)many[2 * i], (int)many[2 * i + 1]).ToArray().Sum(value => (double)value * value))];
            double norm = Math.Sqrt(ofPieces.Sum()) / scale;
            float max = (float)(cut * norm);
            if (bad != 0) { gradients[1234] = bad; }
            GradientNormArguments arguments = new()
            {
                Gradients = under.Values.UploadPlain(gradients),
                Pieces = under.Values.UploadPlain(many),
                Squares = under.Values.AllocatePlain(many.Length / 2),
                Factor = under.Values.AllocatePlain(3),
                Count = (uint)many.Length / 2,
                LossScale = scale,
                MaxNorm = max,
            };
            under.Launcher.GradientNorm(arguments);
            float[] squares = under.Values.DownloadPlain(arguments.Squares, many.Length / 2), factor = under.Values.DownloadPlain(arguments.Factor, 3);
            bool isFinite = bad == 0;
            Assert.Equal(isFinite ? 1u : 0, BitConverter.SingleToUInt32Bits(factor[2]));
            if (!isFinite) { continue; }
            for (int i = 0; i < squares.Length; i++) { StoredValues.AssertNear(ofPieces[i], 1e-6 * ofPieces[i], squares[i], $"piece {i}"); }
            double expected = Math.Min(1, max / (norm + 1e-6)) / scale;
            StoredValues.AssertNear(norm, 1e-6 * norm, factor[0], "norm");
            StoredValues.AssertNear(expected, 1e-6 * expected, factor[1], "factor");
        }
    }

    // After many steps with infinities the loss scale is below 1, and a norm can be any number: the greatest is finite too.
    [Theory, MemberData(nameof(Norms))]
    public void GradientNorm_OfTheGreatestNumber_IsFinite(string kernel)
    {
        _ = kernel; // both run
        using CheckedKernel under = new("GradientNormF32");
        GradientNormArguments arguments = new()
        {
            Gradients = under.Values.UploadPlain([MathF.ScaleB(float.MaxValue, -64)]),
            Pieces = under.Values.UploadPlain<uint>([0, 1]),
            Squares = under.Values.AllocatePlain(1),
            Factor = under.Values.AllocatePlain(3),
            Count = 1,
            LossScale = MathF.ScaleB(1, -64),
            MaxNorm = 1,
        };
        under.Launcher.GradientNorm(arguments);
        float[] factor = under.Values.DownloadPlain(arguments.Factor, 3);
        Assert.Equal(float.MaxValue, factor[0]);
        Assert.Equal(1u, BitConverter.SingleToUInt32Bits(factor[2]));
    }

    // Edges in each quarter of a tile, both ways; a vector whose copy is fp32; a tensor without copies, and one with a transposed copy alone.
    [Theory, MemberData(nameof(Optimizers))]
    public void AdamW_MovesParametersAndWritesTheirCopies(string kernel)
    {
        bool updates = kernel.StartsWith("AdamW", StringComparison.Ordinal);
        (int Rows, int Columns, bool Copies, bool Transposes, uint Flags)[] shapes =
        [
            (40, 70, true, true, TrainedTensor.Decays), (1, 33, true, false, TrainedTensor.IsWide), (5, 3, false, false, 0),
            (60, 31, false, true, TrainedTensor.Decays | TrainedTensor.IsWide), (36, 20, true, true, TrainedTensor.IsWide), (20, 10, true, true, 0),
        ];
        foreach (bool isTaken in new[] { true, false })
        {
            using CheckedKernel under = new(kernel);
            StoredValues values = under.Values;
            const int Before = 2;
            int count = Before + shapes.Sum(shape => shape.Rows * shape.Columns), offset = Before;
            Random random = new(2);
            float[] weights = Random(1), gradients = Random(4), first = Random(1), second = Array.ConvertAll(Random(1), Math.Abs);
            List<TrainedTensor> tensors = [];
            List<int> tiles = [];
            foreach ((int rows, int columns, bool copies, bool transposes, uint flags) in shapes)
            {
                int bytes = (flags & TrainedTensor.IsWide) != 0 ? 4 : values.Bytes, strideCopy = columns + 8, strideTransposed = rows + 8;
                for (int row = 0; row < rows; row += 32)
                {
                    for (int column = 0; column < columns; column += 32) { tiles.AddRange([tensors.Count, row, column, 0]); }
                }
                tensors.Add(new TrainedTensor
                {
                    Copy = copies ? values.UploadPlain(Untouched(((rows - 1) * strideCopy + columns) * bytes)) : 0,
                    Transposed = transposes ? values.UploadPlain(Untouched(((columns - 1) * strideTransposed + rows) * bytes)) : 0,
                    Offset = (uint)offset,
                    Rows = (uint)rows,
                    Columns = (uint)columns,
                    StrideCopy = (uint)(strideCopy * bytes),
                    StrideTransposed = (uint)(strideTransposed * bytes),
                    Flags = flags,
                });
                offset += rows * columns;
            }
            AdamWArguments arguments = new()
            {
                Tensors = values.UploadPlain(tensors.ToArray()),
                Tiles = values.UploadPlain(tiles.ToArray()),
                Values = values.UploadPlain(weights),
                Gradients = values.UploadPlain(gradients),
                First = values.UploadPlain(first),
                Second = values.UploadPlain(second),
                Factor = values.UploadPlain(new StepFactor[] { new() { Norm = 9, Factor = .3f, IsTaken = isTaken ? 1u : 0 } }),
                Keep = .9f,
                OneMinusBeta1 = .125f,
                Beta2 = .75f,
                OneMinusBeta2 = .25f,
                Rate = .05f,
                RootOfCorrection = .5f,
                Epsilon = .01f,
            };
            under.Launcher.AdamW(kernel, arguments, tiles.Count / 4);
            float[] moved = values.DownloadPlain(arguments.Values, count), ofFirst = values.DownloadPlain(arguments.First, count),
                ofSecond = values.DownloadPlain(arguments.Second, count);
            for (int i = 0; i < count; i++)
            {
                bool decays = (tensors.FindLast(tensor => tensor.Offset <= i).Flags & TrainedTensor.Decays) != 0;
                double gradient = gradients[i] * .3f, m = first[i], v = second[i], value = weights[i];
                if (updates && isTaken && i >= Before)
                {
                    m += (gradient - m) * arguments.OneMinusBeta1;
                    v = arguments.Beta2 * v + arguments.OneMinusBeta2 * gradient * gradient;
                    double move = arguments.Rate * m / (Math.Sqrt(v) / arguments.RootOfCorrection + arguments.Epsilon);
                    value = value * (decays ? arguments.Keep : 1) - move;
                }
                StoredValues.AssertNear(m, 4e-7, ofFirst[i], $"first moment {i}");
                StoredValues.AssertNear(v, 4e-7, ofSecond[i], $"second moment {i}");
                StoredValues.AssertNear(value, 4e-7, moved[i], $"value {i}");
            }
            for (int t = 0; t < shapes.Length; t++) { AssertCopies(values, tensors[t], moved, hasCopies: !updates || isTaken); }

            float[] Random(float greatest) => StoredValues.Random(random, count, greatest);
        }
    }

    private static byte[] Untouched(int bytes) => [.. Enumerable.Repeat((byte)1, bytes)];

    private static void AssertCopies(StoredValues values, TrainedTensor tensor, float[] moved, bool hasCopies)
    {
        bool isWide = (tensor.Flags & TrainedTensor.IsWide) != 0;
        int bytes = isWide ? 4 : values.Bytes, rows = (int)tensor.Rows, columns = (int)tensor.Columns;
        if (tensor.Copy != 0) { Compare(tensor.Copy, (int)tensor.StrideCopy / bytes, rows, columns, (row, column) => row * columns + column); }
        if (tensor.Transposed == 0) { return; }
        Compare(tensor.Transposed, (int)tensor.StrideTransposed / bytes, columns, rows, (row, column) => column * columns + row);

        void Compare(ulong at, int stride, int height, int width, Func<int, int, int> place)
        {
            int count = (height - 1) * stride + width;
            double[] copy = Read(at, count);
            double untouched = Read(values.UploadPlain(Untouched(bytes)), 1)[0];
            for (int i = 0; i < count; i++)
            {
                (int row, int column) = (i / stride, i % stride);
                // Between rows nothing is written.
                double value = column < width && hasCopies ? moved[tensor.Offset + place(row, column)] : untouched;
                Assert.Equal(isWide ? value : values.Round(value), copy[i]);
            }
        }

        double[] Read(ulong at, int count) =>
            isWide ? Array.ConvertAll(values.DownloadPlain(at, count), value => (double)value) : values.Download(at, count);
    }

    [Theory, InlineData("RelativeBiasF32")]
    public void RelativeBias_SpreadsTheParameterOverDistances(string kernel)
    {
        const int Heads = 3, Width = 257, Count = 32;
        using CheckedKernel under = new(kernel);
        float[] parameter = StoredValues.Random(new Random(1), Count * Heads);
        int[] buckets = [.. Enumerable.Range(0, Width).Select(i => i * 7 % Count)];
        RelativeBiasArguments arguments = new()
        {
            Values = under.Values.UploadPlain(parameter),
            Buckets = under.Values.UploadPlain(buckets),
            Table = under.Values.AllocatePlain(Heads * Width),
            Heads = Heads,
            Width = Width,
        };
        under.Launcher.RelativeBias(arguments);
        float[] table = under.Values.DownloadPlain(arguments.Table, Heads * Width);
        for (int i = 0; i < table.Length; i++)
        {
            double expected = parameter[buckets[i % Width] * Heads + i / Width] / Math.Log(2);
            StoredValues.AssertNear(expected, 2e-7 * Math.Abs(expected), table[i], $"element {i}");
        }
    }
}
