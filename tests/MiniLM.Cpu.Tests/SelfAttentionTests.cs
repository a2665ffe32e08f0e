using MiniLM.Compute;
using MiniLM.Tests;
using MiniLM.Weights;
using Specification = MiniLM.Compute.Reference.SelfAttention;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class SelfAttentionTests
{
    public static TheoryData<string> EveryTier() => Tiers.All();

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_OfEveryLengthAgreesWithTheSpecificationInDouble(string tier)
    {
        for (int length = 1; length <= 80; length++) { Check(tier, length, headSize: 12, deviation: 1, bias: null, [.. Enumerable.Range(0, length)]); }
        foreach (int length in new[] { 1, 31, 32, 33, 65 })
        {
            // A whole panel; one value in a second one; two panels. Scores of hundreds, where only the maximum's key counts.
            foreach (int headSize in new[] { 32, 33, 64 }) { Check(tier, length, headSize, deviation: 1, bias: null, [.. Enumerable.Range(0, length)]); }
            Check(tier, length, headSize: 20, deviation: 12, bias: null, [.. Enumerable.Range(0, length)]);
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_AddsTheRelativeBiasOfColumns(string tier)
    {
        using RandomNetwork random = new(8, 1, 8, 1);
        Tensor table = random.Tensor([MpnetBuckets.Count, 3], 2);
        foreach (int length in new[] { 1, 2, 33, 70 })
        {
            int[] whole = [.. Enumerable.Range(5, length)];
            int[] holes = [.. Enumerable.Range(0, length).Select(i => i * i / 3 + 2 * i)]; // up to 1725: beyond the table
            foreach (int[] columns in new[] { whole, holes })
            {
                for (int head = 0; head < 3; head++) { Check(tier, length, headSize: 12, deviation: 1, table, columns, head); }
            }
        }
    }

    private static void Check(string tier, int length, int headSize, double deviation, Tensor? bias, int[] columns, int head = 0)
    {
        CpuKernels kernels = Tiers.Kernels(tier);
        int padded = PackedLinear.PanelsOf(headSize) * Gemm.Columns, contextStride = padded + 3;
        nint panelStride = length * Gemm.Columns + 7;
        var random = new Random(length + headSize);
        using GuardedBuffer plain = GuardedBuffer.Normal(random, 3 * length * headSize, deviation: deviation);
        using GuardedBuffer query = new(length * padded), key = Panels(1), value = Panels(2),
            context = GuardedBuffer.NaN((length - 1) * contextStride + padded);
        for (int i = 0; i < length * headSize; i++) { query.Span[i / headSize * padded + i % headSize] = plain.Span[i]; }

        using SelfAttention.Scratch scratch = new(length, padded, kernels.Products);
        using RelativeBias? relative = bias is null ? null : new RelativeBias(bias, 3, headSize, longest: 300);
        fixed (int* places = columns)
        {
            SelfAttention.Forward(kernels, query.Pointer, key.Pointer, value.Pointer, panelStride, length, headSize, padded, relative?.For(head) ?? default,
                places, context.Pointer, contextStride, scratch);
        }

        // The specification takes all heads: this one's bias as the only column of the table.
        double[] all = plain.ToDoubles(), expected = new double[length * headSize], scores = new double[length * length],
            probabilities = new double[length * length];
        double[] column = bias is null ? [] : [.. bias.ToFloats().Where((_, i) => i % 3 == head).Select(entry => (double)entry)];
        int part = length * headSize;
        Specification.Forward<double>(all.AsSpan(0, part), all.AsSpan(part, part), all.AsSpan(2 * part, part), 1, column, columns, scores, probabilities,
            expected);
        // A score of size deviation^2 sqrt(headSize) errs by a few units of its last place: a relative error of its probability, and of the values' mean.
        double score = Math.ScaleB(8 * deviation * deviation * Math.Sqrt(headSize), -24), tolerance = 3 * deviation * (score + Math.ScaleB(1, -20));
        for (int i = 0; i < context.Count; i++)
        {
            (int row, int d) = (i / contextStride, i % contextStride);
            if (d >= padded) { Assert.True(float.IsNaN(context.Span[i]), "what lies between rows was written"); }
            else
            {
                Tiers.Close(d < headSize ? expected[row * headSize + d] : 0, context.Span[i], tolerance,
                    $"length {length}, head size {headSize}, bias {bias is not null}, [{row}, {d}]");
            }
        }

        GuardedBuffer Panels(int which)
        {
            var panels = GuardedBuffer.NaN((int)panelStride * (padded / Gemm.Columns - 1) + length * Gemm.Columns);
            for (int i = 0; i < length * padded; i++)
            {
                (int row, int d) = (i / padded, i % padded);
                panels.Span[d / Gemm.Columns * (int)panelStride + row * Gemm.Columns + d % Gemm.Columns] = d < headSize
                    ? plain.Span[(which * length + row) * headSize + d] : 0;
            }
            return panels;
        }
    }

    [Theory, MemberData(nameof(EveryTier))]
    public void Forward_GivesARowTheSameBitsWhateverTheScratchHeld(string tier)
    {
        CpuKernels kernels = Tiers.Kernels(tier);
        const int Length = 37, Size = Gemm.Columns;
        using GuardedBuffer rows = GuardedBuffer.Normal(new Random(1), Length * Size), context = GuardedBuffer.NaN(Length * Size),
            again = GuardedBuffer.NaN(Length * Size);
        using SelfAttention.Scratch fresh = new(Length, Size, kernels.Products), used = new(90, Size, kernels.Products);
        new Span<float>(used.Keys, (int)(used.Bias + SelfAttention.Padded(90) - used.Keys)).Fill(float.NaN);
        int[] columns = [.. Enumerable.Range(0, Length)];
        fixed (int* places = columns)
        {
            SelfAttention.Forward(kernels, rows.Pointer, rows.Pointer, rows.Pointer, 0, Length, Size, Size, default, places, context.Pointer, Size, fresh);
            SelfAttention.Forward(kernels, rows.Pointer, rows.Pointer, rows.Pointer, 0, Length, Size, Size, default, places, again.Pointer, Size, used);
        }
        Assert.Equal(context.Span.ToArray(), again.Span.ToArray());
    }
}
