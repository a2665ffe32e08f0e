using System.Runtime.InteropServices;
using MiniLM.Kernels;
using MiniLM.Retrieval;

namespace MiniLM.Cuda.Tests;

/// <summary>The choice among scores by itself, with all checks on: each buffer an allocation of its own that ends with the last row.</summary>
/// <remarks>Named by the kernel, as in <see cref="CheckedKernelTests"/>. What the host's heap keeps is the definition, to a bit.</remarks>
public sealed class CheckedTopKTests
{
    private const int Kinds = 11;

    // Less than a warp, a step of it, all of it, a block's step, all that a block takes.
    private static readonly int[] Counts = [1, 2, 31, 32, 33, 255, 256, 257, 1023, 1024, 1025, 7000, 8191, 8192];

    [Theory, InlineData("TopKF32")]
    public void TopK_KeepsWhatTheHostKeeps(string kernel)
    {
        using CheckedKernel under = new(kernel);
        Assert.Equal(DocumentSearch.Block, under.Info.TileColumns);
        int kind = 0;
        foreach (int count in Counts)
        {
            foreach (int k in new[] { 1, 2, 10, 100, 300, count - 1, count }.Where(k => k >= 1 && k <= count).Distinct())
            {
                // The kinds take turns, with factors every third time.
                AssertKept(under, count, k, [kind++ % Kinds, kind % Kinds], kind % 3 == 0 ? Factors(count) : null);
            }
        }
        for (kind = 0; kind < Kinds; kind++)
        {
            AssertKept(under, 1100, 40, [kind, (kind + 4) % Kinds, (kind + 7) % Kinds], kind % 2 == 0 ? Factors(1100) : null);
        }
        // The end of a row in each of a warp's steps.
        for (int step = 0; step < 32; step++)
        {
            int count = step * 5 % 8 * 1024 + step * 32 + 1 + step * 7 % 31;
            AssertKept(under, count, 1, [Kinds], factors: null);
            AssertKept(under, count, 1, [Kinds], [.. Enumerable.Repeat(2f, count)]);
        }
    }

    private static float[] Factors(int count) =>
        [.. Enumerable.Range(0, count).Select(i => i % 50 == 7 ? float.NaN : i % 9 == 0 ? -1 : i % 4 == 0 ? 0 : .7f + i % 3)];

    private static void AssertKept(CheckedKernel under, int count, int k, int[] kinds, float[]? factors)
    {
        const int First = 1_000_003;
        Random random = new(count + k);
        int stride = count + 5;
        // What pads a row would be found.
        float[] scores = [.. kinds.SelectMany(kind => Enumerable.Range(0, stride).Select(i =>
            i >= count ? float.PositiveInfinity : kind < Kinds ? Score(kind, i, random) : i < count - 1 ? -1 : -.5f))]; // all below 0, the last one the best
        TopKArguments arguments = new()
        {
            Scores = under.Values.UploadPlain(scores[..^5]),
            Factors = factors is null ? 0 : under.Values.UploadPlain(factors),
            Hits = under.Values.AllocatePlain(2 * kinds.Length * k),
            StrideScores = (uint)stride * 4,
            Count = (uint)count,
            K = (uint)k,
            First = First,
        };
        under.Launcher.TopK(arguments, kinds.Length);
        ReadOnlySpan<SearchHit> actual = MemoryMarshal.Cast<float, SearchHit>(under.Values.DownloadPlain(arguments.Hits, 2 * kinds.Length * k));
        for (int row = 0; row < kinds.Length; row++)
        {
            float[] products = [.. Enumerable.Range(0, count).Select(i => scores[row * stride + i] * (factors?[i] ?? 1))];
            TopDocuments top = new(k);
            top.Add(First, products);
            SearchHit[] expected = [.. top.Ordered().OrderBy(hit => hit.Document)];
            string what = $"{count} scores of kind {kinds[row]}{(factors is null ? "" : " with factors")}, the best {k}";
            for (int i = 0; i < k; i++)
            {
                SearchHit hit = actual[row * k + i];
                bool isRight = i >= expected.Length ? float.IsNaN(hit.Score)
                    : hit.Document == expected[i].Document
                        && BitConverter.SingleToInt32Bits(hit.Score) == BitConverter.SingleToInt32Bits(expected[i].Score);
                Assert.True(isRight, $"{what}, number {i}: {hit}, not {(i < expected.Length ? expected[i] : "a NaN")}");
            }
        }
    }

    private static float Score(int kind, int i, Random random) => kind switch
    {
        0 => random.NextSingle() - .5f,
        1 => random.Next(-2, 3),
        2 => 1.5f,
        3 => Special(random.Next(10), random),
        4 => float.NaN,
        5 => random.Next(40) == 0 ? random.NextSingle() - 1 : -float.NaN, // often less than are wanted
        6 => -1 - random.NextSingle(),
        7 => i,
        8 => -i,
        9 => BitConverter.Int32BitsToSingle(0x3f800000 + random.Next(1 << random.Next(1, 12))), // in the lowest bits
        _ => random.Next(2) == 0 ? 0f : -0f,
    };

    private static float Special(int which, Random random) => which switch
    {
        0 => float.NaN,
        1 => float.PositiveInfinity,
        2 => float.NegativeInfinity,
        3 => 0f,
        4 => -0f,
        5 => float.Epsilon,
        6 => -float.Epsilon,
        7 => float.MaxValue,
        8 => float.MinValue,
        _ => random.Next(-1, 2),
    };
}
