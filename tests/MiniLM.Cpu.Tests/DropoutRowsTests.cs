using MiniLM.Tests;
using MiniLM.Training;

namespace MiniLM.Cpu.Tests;

public sealed unsafe class DropoutRowsTests
{
    [Fact]
    public void Apply_OfEveryCountIsTheMasksFactor()
    {
        foreach (float probability in new[] { .1f, .75f })
        {
            DropoutMask mask = new(0x123456789abcdef0, 3, DropoutSite.AttentionOutput, 2, probability);
            for (int count = 1; count <= 150; count++)
            {
                (int row, int first) = (1000 - count, 8 * (count % 5));
                using GuardedBuffer x = GuardedBuffer.Normal(new Random(count), count);
                float[] before = x.Span.ToArray();
                DropoutRows.Apply(mask, row, first, x.Pointer, count);
                for (int i = 0; i < count; i++) { Assert.Equal(before[i] * mask.Factor(row, first + i), x.Span[i]); }
            }
        }
    }

    [Fact]
    public void Apply_OfAHeadsColumnsIsTheMasksFactor()
    {
        DropoutMask mask = new(1, 0, DropoutSite.Attention, 0, .5f);
        int first = Compute.Reference.SelfAttention.MaskColumn(11, 0);
        using GuardedBuffer x = new(100);
        x.Span.Fill(1);
        DropoutRows.Apply(mask, 7, first, x.Pointer, x.Count);
        for (int i = 0; i < x.Count; i++) { Assert.Equal(mask.Factor(7, first + i), x.Span[i]); }
        Assert.InRange(x.Span.Count(0f), 25, 75);
    }

    [Fact]
    public void Draw_OfEveryCountStaysInsideItsWords()
    {
        DropoutMask mask = new(1, 0, DropoutSite.Attention, 0, .5f);
        for (int count = 1; count <= 150; count++)
        {
            using GuardedBuffer kept = new(DropoutRows.Words(count));
            DropoutRows.Draw(mask, 7, 8, count, (int*)kept.Pointer);
            for (int i = 0; i < count; i++) { Assert.Equal(mask.Factor(7, 8 + i) > 0, (((int*)kept.Pointer)[i / 8] >> i % 8 & 1) != 0); }
        }
    }

    // What processors without AVX2 run, on every one.
    [Fact]
    public void DrawEach_GivesTheMask()
    {
        DropoutMask mask = new(1, 0, DropoutSite.Attention, 0, .5f);
        for (int blocks = 1; blocks <= 17; blocks++)
        {
            using GuardedBuffer kept = new(blocks);
            DropoutRows.DrawEach(mask, 7, 3, blocks, (int*)kept.Pointer);
            for (int i = 0; i < 8 * blocks; i++) { Assert.Equal(mask.Factor(7, 24 + i) > 0, (((int*)kept.Pointer)[i / 8] >> i % 8 & 1) != 0); }
        }
    }

    // Where a gradient overflowed, what was dropped has none all the same.
    [Fact]
    public void Apply_KeepsNaNWhereItIsKeptAndDropsIt()
    {
        DropoutMask mask = new(1, 2, DropoutSite.Embeddings, 0, .5f);
        using GuardedBuffer x = GuardedBuffer.NaN(77);
        DropoutRows.Apply(mask, 5, 0, x.Pointer, x.Count);
        for (int i = 0; i < x.Count; i++) { Assert.Equal(mask.Factor(5, i) == 0 ? 0 : float.NaN, x.Span[i]); }
    }

    [Fact]
    public void Apply_OfNoMaskChangesNothing()
    {
        using GuardedBuffer x = GuardedBuffer.Normal(new Random(1), 77);
        float[] before = x.Span.ToArray();
        DropoutRows.Apply(default, 5, 0, x.Pointer, x.Count);
        DropoutRows.Apply(new DropoutMask(1, 2, DropoutSite.Embeddings, 0, 0), 5, 0, x.Pointer, x.Count);
        Assert.Equal(before, x.Span.ToArray());
    }
}
