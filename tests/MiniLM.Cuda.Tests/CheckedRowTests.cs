using MiniLM.Compute.Reference;
using MiniLM.Kernels;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Cuda.Tests;

/// <summary>Pooling, dropout and activations of rows by themselves, with all checks on: each buffer an allocation of its own and the last block cut.</summary>
/// <remarks>A test a kernel, named by it, as in <see cref="CheckedKernelTests"/>.</remarks>
public sealed class CheckedRowTests
{
    // Two blocks of columns; places as left padding leaves them.
    private const int Width = 131, Padded = 192;

    private static readonly int[] Lengths = [1, 2, 3, 40], Offsets = [0, 1, 3, 6, 46];
    private static readonly int[] Columns = [.. Lengths.SelectMany((length, sequence) => Enumerable.Range(sequence * 5, length))];

    public static TheoryData<string> Poolings() => CheckedKernel.Of(false, "Pooling");

    public static TheoryData<string> PoolingBackwards() => CheckedKernel.Of(true, "PoolingBackward");

    public static TheoryData<string> Activated() => CheckedKernel.Of(true, "ActivationBackward");

    private static readonly (PoolingMode, int)[] Modes = [.. Enum.GetValues<PoolingMode>().SelectMany(mode => new[] { 0, 1, 2 }.Select(skip => (mode, skip)))];

    private static float[] Rows(int seed) =>
        [.. Enumerable.Range(0, Offsets[^1]).SelectMany(row => StoredValues.Random(new Random(100 * seed + row), Width).Concat(new float[Padded - Width]))];

    /// <summary>Rows of a sequence that pooling reads: all but those of the prompt, and the last always.</summary>
    private static Range Pooled(int sequence, int skip) => Math.Min(Offsets[sequence] + skip, Offsets[sequence + 1] - 1)..Offsets[sequence + 1];

    private static double[] Part(float[] rows, Range range) =>
        [.. rows[(range.Start.Value * Padded)..(range.End.Value * Padded)].Where((_, i) => i % Padded < Width).Select(x => (double)x)];

    private static PoolingArguments Arguments(StoredValues values, ulong x, PoolingMode mode, int skip) => new()
    {
        X = x,
        Offsets = values.UploadPlain(Offsets),
        Columns = values.UploadPlain(Columns),
        StrideX = (uint)(Padded * values.Bytes),
        StrideY = Padded * 4,
        Width = Width,
        Skip = (uint)skip,
        Mode = (uint)mode,
    };

    [Theory, MemberData(nameof(Poolings))]
    public void Pooling_GivesARowASequenceInEveryMode(string kernel)
    {
        using CheckedKernel under = new(kernel);
        float[] x = Rows(1);
        x[30 * Padded + 5] = float.NaN; // a maximum must not drop it
        ulong rows = under.Values.Upload(x);
        foreach ((PoolingMode mode, int skip) in Modes)
        {
            int count = (Lengths.Length - 1) * Padded + Width;
            PoolingArguments arguments = Arguments(under.Values, rows, mode, skip) with { Y = under.Values.AllocatePlain(count) };
            under.Launcher.Pooling(kernel, arguments, Lengths.Length);
            float[] y = under.Values.DownloadPlain(arguments.Y, count);
            for (int sequence = 0; sequence < Lengths.Length; sequence++)
            {
                Range range = Pooled(sequence, skip);
                double[] expected = new double[Width];
                Pooling.Forward<double>(mode, Part(x, range), Columns.AsSpan(range), expected);
                for (int d = 0; d < Width; d++)
                {
                    StoredValues.AssertNear(expected[d], mode is PoolingMode.Max or PoolingMode.Cls or PoolingMode.LastToken ? 0 : 1e-6,
                        y[sequence * Padded + d], $"{mode} from {skip} on, sequence {sequence}, element {d}");
                }
            }
        }
    }

    [Theory, MemberData(nameof(PoolingBackwards))]
    public void PoolingBackward_GivesEachRowItsShareInEveryMode(string kernel)
    {
        using CheckedKernel under = new(kernel);
        StoredValues values = under.Values;
        float[] x = Rows(1), old = Rows(2), dy = StoredValues.Random(new Random(3), (Lengths.Length - 1) * Padded + Width);
        ulong rows = values.Upload(x), upstream = values.UploadPlain(dy);
        foreach ((PoolingMode mode, int skip) in Modes)
        {
            bool adds = skip == 1;
            PoolingBackwardArguments arguments = new()
            {
                Pooling = Arguments(values, rows, mode, skip) with { Y = upstream },
                Dx = adds ? values.Upload(old) : values.Allocate(old.Length),
                Padded = Padded,
                Adds = adds ? 1u : 0,
            };
            under.Launcher.PoolingBackward(kernel, arguments, Lengths.Length);
            double[] dx = values.Download(arguments.Dx, old.Length), expected = new double[old.Length];
            for (int sequence = 0; sequence < Lengths.Length; sequence++)
            {
                Range range = Pooled(sequence, skip);
                double[] ofRows = new double[(range.End.Value - range.Start.Value) * Width];
                Pooling.Backward<double>(mode, Part(x, range), Columns.AsSpan(range),
                    Array.ConvertAll(dy[(sequence * Padded)..(sequence * Padded + Width)], value => (double)value), ofRows);
                for (int i = 0; i < ofRows.Length; i++) { expected[(range.Start.Value + i / Width) * Padded + i % Width] = ofRows[i]; }
            }
            for (int i = 0; i < expected.Length; i++)
            {
                values.AssertStored(expected[i] + (adds ? old[i] : 0), 2e-7 * Math.Abs(expected[i]), dx[i],
                    $"{mode} from {skip} on, row {i / Padded}, element {i % Padded}");
            }
        }
    }

    [Theory, InlineData("DropoutF32")]
    public void Dropout_KeepsWhatItsMaskKeeps(string kernel)
    {
        const int Rows = 9, Stride = Padded + 4;
        using CheckedKernel under = new(kernel);
        int[] numbers = [.. Enumerable.Range(0, Rows).Select(row => 1000 - 7 * row)];
        // In turn: each at the border may raise the rows' numbers.
        foreach ((DropoutArguments dropout, DropoutMask mask) in new[] { 0, .1f, .9f }.Select(p => under.Dropout(DropoutSite.Classifier, p, numbers))
            .Concat(Enumerable.Range(0, 8).Select(column => under.DropoutAt(DropoutSite.Classifier, column, numbers))))
        {
            float[] x = StoredValues.Random(new Random(2), Rows * Padded);
            DropoutRowsArguments arguments = new()
            {
                X = under.Values.UploadPlain(x),
                Y = under.Values.AllocatePlain((Rows - 1) * Stride + Padded),
                Dropout = dropout,
                StrideX = Padded * 4,
                StrideY = Stride * 4,
                Rows = Rows,
                Padded = Padded,
            };
            under.Launcher.Dropout(arguments);
            float[] y = under.Values.DownloadPlain(arguments.Y, (Rows - 1) * Stride + Padded);
            for (int i = 0; i < x.Length; i++)
            {
                Assert.Equal(x[i] * mask.Factor(numbers[i / Padded], i % Padded), y[i / Padded * Stride + i % Padded]);
            }
        }
    }

    // Of both tails, of the series near 0, and at 0 itself.
    [Theory, MemberData(nameof(Activated))]
    public void ActivationBackward_MultipliesByTheSlope(string kernel)
    {
        const int Rows = 7, Wide = 132;
        using CheckedKernel under = new(kernel);
        Activation activation = Enum.Parse<Activation>(kernel["ActivationBackward".Length..^"F32".Length]);
        float[] x = [.. Enumerable.Range(0, Rows * Wide).Select(i => (i - Rows * Wide / 2) / 64f)], dy = StoredValues.Random(new Random(4), x.Length);
        (x[0], x[1], x[2], x[3]) = (-100, 100, -1e4f, 1e4f);
        ulong at = under.Values.UploadPlain(dy);
        ActivationBackwardArguments arguments = new() { X = under.Values.UploadPlain(x), Dy = at, Stride = Wide * 4, Padded = Wide };
        under.Launcher.ActivationBackward(kernel, arguments, Rows);
        float[] dx = under.Values.DownloadPlain(at, dy.Length);
        for (int i = 0; i < dx.Length; i++)
        {
            double[] expected = [dy[i]];
            Activations.Backward<double>(activation, [x[i]], expected);
            StoredValues.AssertNear(expected[0], activation == Activation.Relu ? 0 : 2e-6 * Math.Abs(dy[i]), dx[i], $"at {x[i]}");
        }
    }
}
