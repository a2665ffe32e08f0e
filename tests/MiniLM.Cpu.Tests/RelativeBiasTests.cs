using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Weights;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class RelativeBiasTests
{
    private const int Heads = 3, HeadSize = 20;

    [Theory]
    [InlineData(10), InlineData(256), InlineData(300)]
    public void Row_IsTheBiasOfEveryKeyTimesTheRootOfTheHeadSize(int longest)
    {
        using RandomNetwork random = new(8, 1, 8, 1);
        Tensor table = random.Tensor([MpnetBuckets.Count, Heads], 1);
        float[] values = table.ToFloats();
        using RelativeBias bias = new(table, Heads, HeadSize, longest);
        int farthest = Math.Max(longest, 256);
        // Without holes, as far as the table goes and one beyond; with a hole at the end, in the middle, and far outside the table.
        int[][] places = [[0], [.. Enumerable.Range(3, farthest)], [.. Enumerable.Range(0, farthest + 1)], [0, 1, 2, 4], [0, 5, 6, 7], [2, 900, 901]];
        foreach (int[] columns in places)
        {
            using GuardedBuffer scratch = GuardedBuffer.NaN(columns.Length);
            for (int head = 0; head < Heads; head++)
            {
                foreach (int query in new[] { 0, columns.Length / 2, columns.Length - 1 })
                {
                    fixed (int* at = columns)
                    {
                        float* row = bias.For(head).Row(at, columns.Length, query, scratch.Pointer);
                        for (int key = 0; key < columns.Length; key++)
                        {
                            Assert.Equal(values[MpnetBuckets.Of(columns[key] - columns[query]) * Heads + head] * MathF.Sqrt(HeadSize), row[key]);
                        }
                    }
                }
            }
        }
    }

    [Fact]
    public void Row_OfAnEncoderWithoutBiasIsNull()
    {
        int column = 0;
        Assert.True(default(RelativeBias.Head).Row(&column, 1, 0, null) == null);
    }
}
