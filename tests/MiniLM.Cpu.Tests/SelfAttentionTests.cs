using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Training;
using MiniLM.Weights;
using Specification = MiniLM.Compute.Reference.SelfAttention;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class SelfAttentionTests
{
    private const int Heads = 3; // of the specification, which takes all of them; the kernel takes one
    private static readonly DropoutMask Mask = new(77, 5, DropoutSite.Attention, 1, .3f);

    public static TheoryData<string, Precision, bool> All() => Operands.All();

    [Theory, MemberData(nameof(All))]
    public void Forward_OfEveryLengthAgreesWithTheSpecificationInDouble(string tier, Precision precision, bool rounded) =>
        OfEveryLength(tier, precision, rounded, (inputs, kernels) => inputs.CheckForward(kernels));

    [Theory, MemberData(nameof(All))]
    public void Backward_OfEveryLengthAgreesWithTheSpecificationInDouble(string tier, Precision precision, bool rounded) =>
        OfEveryLength(tier, precision, rounded, (inputs, kernels) => inputs.CheckBackward(kernels));

    [Theory, MemberData(nameof(All))]
    public void Forward_AddsTheRelativeBiasOfColumns(string tier, Precision precision, bool rounded) =>
        OfColumns(tier, precision, rounded, (inputs, kernels) => inputs.CheckForward(kernels));

    [Theory, MemberData(nameof(All))]
    public void Backward_AddsTheRelativeBiasOfColumns(string tier, Precision precision, bool rounded) =>
        OfColumns(tier, precision, rounded, (inputs, kernels) => inputs.CheckBackward(kernels));

    private static void OfEveryLength(string tier, Precision precision, bool rounded, Action<Inputs, CpuKernels> check)
    {
        CpuKernels kernels = Operands.Kernels(tier, precision, rounded);
        int[] all = [.. Enumerable.Range(1, 20), 27, 28, 29, 31, 32, 33, 43, 63, 64, 65, 80]; // around strips of 6 and 14, and panels of 32
        foreach (int length in all) { Check(length, headSize: 12, head: length % Heads, length % 4 == 1 ? Mask : default); }
        foreach (int length in new[] { 1, 31, 32, 33, 65 })
        {
            // A whole panel; one value in a second one; two panels. Scores of hundreds, where only the maximum's key counts.
            foreach (int headSize in new[] { 32, 33, 64 }) { Check(length, headSize, head: 2, Mask); }
            if (precision == Precision.Float32) { Check(length, headSize: 20, head: 1, default, deviation: 12); }
        }

        void Check(int length, int headSize, int head, DropoutMask mask, double deviation = 1)
        {
            using Inputs inputs = new(kernels.Products, precision, length, headSize, head, [.. Enumerable.Range(0, length)], mask, deviation: deviation);
            check(inputs, kernels);
        }
    }

    private static void OfColumns(string tier, Precision precision, bool rounded, Action<Inputs, CpuKernels> check)
    {
        CpuKernels kernels = Operands.Kernels(tier, precision, rounded);
        using RandomNetwork random = new(8, 1, 8, 1);
        Tensor table = random.Tensor([MpnetBuckets.Count, Heads], 2);
        foreach (int length in new[] { 1, 2, 33, 70 })
        {
            int[] whole = [.. Enumerable.Range(5, length)];
            int[] holes = [.. Enumerable.Range(0, length).Select(i => i * i / 3 + 2 * i)]; // up to 1725: beyond the table
            foreach (int[] columns in new[] { whole, holes })
            {
                for (int head = 0; head < Heads; head++)
                {
                    using Inputs inputs = new(kernels.Products, precision, length, headSize: 12, head, columns, default, table);
                    check(inputs, kernels);
                }
            }
        }
    }

    /// <summary>One head of one sequence: as operands for the kernels, and with other heads in double.</summary>
    private sealed class Inputs : IDisposable
    {
        private const int Gap = 3, FirstRow = 100; // between rows; of the mask
        private readonly ProductKernels _products;
        private readonly Precision _precision;
        private readonly int _length, _headSize, _head, _padded;
        private readonly nint _panelStride;
        private readonly int[] _columns;
        private readonly DropoutMask _mask;
        private readonly double _deviation;
        private readonly string _what;
        private readonly GuardedBuffer _query, _key, _value, _dContext;
        private readonly RelativeBias? _bias;
        private readonly double[] _plainQuery, _plainKey, _plainValue, _plainGradient, _table, _probabilities, _expected;

        internal Inputs(ProductKernels products, Precision precision, int length, int headSize, int head, int[] columns, DropoutMask mask,
            Tensor? bias = null, double deviation = 1)
        {
            (_products, _precision, _length, _headSize, _head) = (products, precision, length, headSize, head);
            (_columns, _mask, _deviation) = (columns, mask, deviation);
            _padded = PackedLinear.PanelsOf(headSize) * Gemm.Columns;
            _panelStride = length * Gemm.Columns + 8;
            var random = new Random(length + headSize);
            (_plainQuery, _plainKey, _plainValue, _plainGradient) = (Draw(random), Draw(random), Draw(random), Draw(random));
            _query = Rows(_plainQuery, _padded);
            (_key, _value) = (Panels(_plainKey), Panels(_plainValue));
            _dContext = Rows(_plainGradient, _padded + Gap);
            _what = $"length {length}, head size {headSize}, head {head}, bias {bias is not null}, dropout {!mask.IsOff}";
            _bias = bias is null ? null : new RelativeBias(bias, Heads, headSize, longest: 300);
            _table = bias is null ? [] : Array.ConvertAll(bias.ToFloats(), value => (double)value);
            (_probabilities, _expected) = (new double[Heads * length * length], new double[_plainQuery.Length]);
            // The specification's probabilities before dropout.
            Specification.Forward<double>(_plainQuery, _plainKey, _plainValue, Heads, _table, columns, new double[_probabilities.Length], _probabilities,
                _expected, mask, FirstRow);
        }

        // [length, heads * headSize]
        private double[] Draw(Random random)
        {
            using GuardedBuffer values = GuardedBuffer.Normal(random, _length * Heads * _headSize, deviation: _deviation);
            return Array.ConvertAll(values.Span.ToArray(), value => (double)Operands.Rounded(value, _precision));
        }

        private float Plain(double[] values, int row, int d) => d < _headSize ? (float)values[(row * Heads + _head) * _headSize + d] : 0;

        private GuardedBuffer Rows(double[] values, int stride)
        {
            var rows = GuardedBuffer.NaN(Operands.Floats(_products, (long)(_length - 1) * stride + _padded));
            for (int row = 0; row < _length; row++)
            {
                for (int d = 0; d < _padded; d++) { Operands.Write(_products, rows.Pointer, (long)row * stride + d, Plain(values, row, d)); }
            }
            return rows;
        }

        private GuardedBuffer Panels(double[] values)
        {
            var panels = GuardedBuffer.NaN(Operands.Floats(_products, _panelStride * (_padded / Gemm.Columns - 1) + _length * Gemm.Columns));
            for (int row = 0; row < _length; row++)
            {
                for (int d = 0; d < _padded; d++)
                {
                    nint place = d / Gemm.Columns * _panelStride + row * Gemm.Columns + d % Gemm.Columns;
                    Operands.Write(_products, panels.Pointer, place, Plain(values, row, d));
                }
            }
            return panels;
        }

        internal RelativeBias.Head Bias => _bias?.For(_head) ?? default;

        internal void CheckForward(CpuKernels kernels)
        {
            int stride = _padded + Gap;
            using GuardedBuffer context = GuardedBuffer.NaN(Operands.Floats(_products, (long)(_length - 1) * stride + _padded));
            for (int i = 0; i < (_length - 1) * stride + _padded; i++) { Operands.Write(_products, context.Pointer, i, float.NaN); }
            using SelfAttention.Scratch scratch = new(_length, _padded, _products);
            fixed (int* places = _columns)
            {
                SelfAttention.Forward(kernels, _query.Pointer, _key.Pointer, _value.Pointer, _panelStride, _length, _headSize, _padded, Bias, places,
                    context.Pointer, stride, scratch, _mask, FirstRow, _head);
            }
            // A score of size deviation^2 sqrt(headSize) errs by a few units of its last place: a relative error of its probability, and of the values' mean.
            double score = Math.ScaleB(8 * _deviation * _deviation * Math.Sqrt(_headSize), -24);
            double tolerance = 3 * _deviation * (score + Math.ScaleB(1, -20) + 2 * Operands.Unit(_precision));
            for (int i = 0; i < (_length - 1) * stride + _padded; i++)
            {
                (int row, int d) = (i / stride, i % stride);
                float value = Operands.Read(_products, context.Pointer, i);
                if (d >= _padded) { Assert.True(float.IsNaN(value), "what lies between rows was written"); }
                else { Tiers.Close(Plain(_expected, row, d), value, tolerance, $"{_what}, [{row}, {d}]"); }
            }
        }

        internal void CheckBackward(CpuKernels kernels)
        {
            int stride = _padded + Gap, floats = (_length - 1) * stride + _padded;
            using GuardedBuffer dQuery = GuardedBuffer.NaN(floats), dKey = GuardedBuffer.NaN(floats), dValue = GuardedBuffer.NaN(floats);
            using SelfAttention.BackwardScratch scratch = new(_length, _padded, _products);
            Run(kernels, dQuery, dKey, dValue, scratch);

            double[] query = new double[_plainQuery.Length], key = new double[query.Length], value = new double[query.Length], bias = new double[_table.Length];
            Specification.Backward<double>(_plainQuery, _plainKey, _plainValue, Heads, _columns, _probabilities, _plainGradient, query, key, value, bias, _mask,
                FirstRow);
            (double[] p, double[] ds, double[] magnitudes) = Scores();
            // Of the scores' error, of the exponential's and of the sums'.
            double unit = Math.ScaleB(8 * _deviation * _deviation * Math.Sqrt(_headSize), -24) + Math.ScaleB(1, -20);
            double root = Math.Sqrt(_headSize), operand = unit + 2 * Operands.Unit(_precision);
            nint scoreStride = SelfAttention.ScoreStride(_length);
            for (int i = 0; i < _length; i++)
            {
                for (int j = 0; j < SelfAttention.Padded(_length); j++)
                {
                    double expected = j < _length ? ds[i * _length + j] / root : 0;
                    double tolerance = j < _length ? unit * magnitudes[i * _length + j] / root : 0;
                    Tiers.Close(expected, scratch.Scores[i * scoreStride + j], tolerance, $"{_what}, ds[{i}, {j}]");
                }
            }
            for (int i = 0; i < floats; i++)
            {
                (int row, int d) = (i / stride, i % stride);
                if (d >= _padded)
                {
                    foreach (GuardedBuffer written in new[] { dQuery, dKey, dValue }) { Assert.True(float.IsNaN(written.Span[i]), "between rows was written"); }
                    continue;
                }
                double ofQuery = 0, ofKey = 0, ofValue = 0;
                for (int other = 0; other < _length && d < _headSize; other++)
                {
                    ofQuery += magnitudes[row * _length + other] * Math.Abs(Plain(_plainKey, other, d)) / root;
                    ofKey += magnitudes[other * _length + row] * Math.Abs(Plain(_plainQuery, other, d)) / root;
                    ofValue += p[other * _length + row] * Math.Abs(Plain(_plainGradient, other, d));
                }
                Tiers.Close(Plain(query, row, d), dQuery.Span[i], operand * ofQuery + 1e-30, $"{_what}, dq[{row}, {d}]");
                Tiers.Close(Plain(key, row, d), dKey.Span[i], operand * ofKey + 1e-30, $"{_what}, dk[{row}, {d}]");
                Tiers.Close(Plain(value, row, d), dValue.Span[i], operand * ofValue + 1e-30, $"{_what}, dv[{row}, {d}]");
            }
        }

        internal void Run(CpuKernels kernels, GuardedBuffer dQuery, GuardedBuffer dKey, GuardedBuffer dValue, SelfAttention.BackwardScratch scratch)
        {
            int stride = _padded + Gap;
            fixed (int* places = _columns)
            {
                SelfAttention.Backward(kernels, _query.Pointer, _key.Pointer, _value.Pointer, _panelStride, _length, _headSize, _padded, Bias, places, _mask,
                    FirstRow, _head, _dContext.Pointer, stride, dQuery.Pointer, dKey.Pointer, dValue.Pointer, stride, scratch);
            }
        }

        /// <summary>This head's dropped probabilities, the gradients of its scores, and what they are differences of.</summary>
        private (double[] P, double[] DS, double[] Magnitudes) Scores()
        {
            double[] p = _probabilities[(_head * _length * _length)..((_head + 1) * _length * _length)], ds = new double[p.Length],
                magnitudes = new double[p.Length], dropped = [.. p];
            for (int i = 0; i < _length; i++)
            {
                double sum = 0;
                for (int j = 0; j < _length; j++)
                {
                    double kept = _mask.Factor(FirstRow + i, Specification.MaskColumn(_head, j)), magnitude = 0;
                    for (int d = 0; d < _headSize; d++)
                    {
                        double product = (double)Plain(_plainGradient, i, d) * Plain(_plainValue, j, d);
                        ds[i * _length + j] += kept * product;
                        magnitude += kept * Math.Abs(product);
                    }
                    dropped[i * _length + j] *= kept;
                    magnitudes[i * _length + j] = magnitude;
                    sum += p[i * _length + j] * magnitude;
                }
                Compute.Reference.Softmax.Backward<double>(p.AsSpan(i * _length, _length), ds.AsSpan(i * _length, _length));
                for (int j = 0; j < _length; j++) { magnitudes[i * _length + j] = p[i * _length + j] * (magnitudes[i * _length + j] + sum) + 1e-30; }
            }
            return (dropped, ds, magnitudes);
        }

        public void Dispose()
        {
            foreach (GuardedBuffer buffer in new[] { _query, _key, _value, _dContext }) { buffer.Dispose(); }
            _bias?.Dispose();
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Forward_GivesARowTheSameBitsWhateverTheScratchHeld(string tier, Precision precision, bool rounded)
    {
        CpuKernels kernels = Operands.Kernels(tier, precision, rounded);
        const int Length = 37, Size = Gemm.Columns;
        using GuardedBuffer rows = new(Length * Size), context = GuardedBuffer.NaN(Length * Size), again = GuardedBuffer.NaN(Length * Size);
        Random random = new(1);
        for (int i = 0; i < Length * Size; i++) { Operands.Write(kernels.Products, rows.Pointer, i, Operands.Draw(random, precision)); }
        using SelfAttention.Scratch fresh = new(Length, Size, kernels.Products), used = new(90, Size, kernels.Products);
        new Span<float>(used.Keys, (int)(used.Bias + SelfAttention.Padded(90) - used.Keys)).Fill(float.NaN);
        int[] columns = [.. Enumerable.Range(0, Length)];
        fixed (int* places = columns)
        {
            SelfAttention.Forward(kernels, rows.Pointer, rows.Pointer, rows.Pointer, 0, Length, Size, Size, default, places, context.Pointer, Size, fresh);
            SelfAttention.Forward(kernels, rows.Pointer, rows.Pointer, rows.Pointer, 0, Length, Size, Size, default, places, again.Pointer, Size, used);
        }
        int floats = Operands.Floats(kernels.Products, Length * Size);
        Assert.Equal(context.Span[..floats].ToArray(), again.Span[..floats].ToArray());
    }

    [Theory, MemberData(nameof(All))]
    public void Backward_GivesTheSameBitsWhateverTheScratchHeld(string tier, Precision precision, bool rounded)
    {
        CpuKernels kernels = Operands.Kernels(tier, precision, rounded);
        const int Length = 37, HeadSize = 12, Longest = 90;
        using Inputs inputs = new(kernels.Products, precision, Length, HeadSize, head: 1, [.. Enumerable.Range(0, Length)], Mask);
        using SelfAttention.BackwardScratch fresh = new(Length, Gemm.Columns, kernels.Products), used = new(Longest, Gemm.Columns, kernels.Products);
        new Span<float>(used.Bias, (int)(used.Scores + Longest * SelfAttention.ScoreStride(Longest) - used.Bias)).Fill(float.NaN);
        float[][] found = [.. new[] { fresh, used }.Select(scratch =>
        {
            const int Floats = (Length - 1) * (Gemm.Columns + 3) + Gemm.Columns;
            using GuardedBuffer dQuery = new(Floats), dKey = new(Floats), dValue = new(Floats);
            inputs.Run(kernels, dQuery, dKey, dValue, scratch);
            return (float[])[.. dQuery.Span, .. dKey.Span, .. dValue.Span];
        })];
        Assert.Equal(found[0], found[1]);
    }

    [Theory, MemberData(nameof(All))]
    public void Scratches_HaveTheirPartsApart(string tier, Precision precision, bool rounded)
    {
        const int Longest = 50, Padded = 64, Head = 64, Row = 80;
        ProductKernels products = Operands.Products(tier, precision, rounded);
        using SelfAttention.Scratch one = new(Longest, Head, products), two = new(Longest, Head, products);
        using SelfAttention.BackwardScratch three = new(Longest, Head, products), four = new(Longest, Head, products);
        Parts.AssertApart([.. OfForward(one), .. OfForward(two), .. OfBackward(three), .. OfBackward(four)]);

        IEnumerable<(nint, long)> OfForward(SelfAttention.Scratch scratch)
        {
            long strip = products.Tallest * Row;
            List<(nint, long)> parts =
                [((nint)scratch.Keys, Padded * Head), ((nint)scratch.Values, Padded * Head), ((nint)scratch.Scores, strip),
                    ((nint)scratch.Inverse, products.Tallest), ((nint)scratch.Bias, Padded)];
            if (!products.IsExact) { parts.Add(((nint)scratch.Probabilities, strip)); }
            return parts;
        }

        IEnumerable<(nint, long)> OfBackward(SelfAttention.BackwardScratch scratch)
        {
            List<(nint, long)> parts =
                [((nint)scratch.Bias, Padded), ((nint)scratch.Keys, Padded * Head), ((nint)scratch.Values, Padded * Head),
                    ((nint)scratch.KeyPairs, Padded * Head), ((nint)scratch.QueryPairs, Padded * Head), ((nint)scratch.ContextPairs, Padded * Head),
                    ((nint)scratch.Probabilities, Longest * Row), ((nint)scratch.Scores, Longest * Row)];
            if (!products.IsExact)
            {
                parts.AddRange([((nint)scratch.ProbabilityOperands, Longest * Row), ((nint)scratch.ScoreOperands, Longest * Row),
                    ((nint)scratch.ProbabilityPairs, Longest * Row), ((nint)scratch.ScorePairs, Longest * Row)]);
            }
            return parts;
        }
    }
}
