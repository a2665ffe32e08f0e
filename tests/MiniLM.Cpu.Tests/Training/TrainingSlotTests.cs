using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cpu.Training;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>The blocks of a training step.</summary>
public sealed unsafe class TrainingSlotTests
{
    private static readonly RowWidths Widths = new(Hidden: 320, Context: 384, Inner: 512, Head: 32);

    private static PackedBatch Batch(int rows)
    {
        PackedBatch batch = new();
        batch.Add(new int[rows], [], Architecture.Bert);
        return batch;
    }

    public static TheoryData<string, Precision, bool> All() => Operands.All();

    [Theory, MemberData(nameof(All))]
    public void Parts_AreApartAndFillTheBlock(string tier, Precision precision, bool rounded)
    {
        const int Layers = 2;
        ProductKernels products = Operands.Products(tier, precision, rounded);
        foreach (bool keepsInner in new[] { true, false })
        {
            using TrainingSlot one = new(products, Widths, Layers, keepsInner), two = new(products, Widths, Layers, keepsInner);
            // Greater in both, in one, in none; a smaller batch has its parts where the greatest had them.
            (int mostRows, int mostWords) = (0, 0);
            foreach ((int rows, int words) in new[] { (7, 4), (9, 5), (9, 10), (8, 3), (12, 9) })
            {
                (mostRows, mostWords) = (Math.Max(rows, mostRows), Math.Max(words, mostWords));
                foreach (TrainingSlot slot in new[] { one, two }) { slot.Begin(Batch(rows), null, words); }
                (nint, long Floats)[] parts = [.. Of(one, mostRows, mostWords)];
                Assert.Equal(sizeof(float) * parts.Sum(part => part.Floats), one.Bytes);
                Parts.AssertApart([.. parts, .. Of(two, mostRows, mostWords)]);
            }

            List<(nint, long)> Of(TrainingSlot slot, int rows, int words)
            {
                List<(nint, long)> parts = [((nint)slot.EmbeddingSums, rows * Widths.Hidden), ((nint)slot.Output, rows * Widths.Hidden)];
                for (int layer = 0; layer < Layers; layer++)
                {
                    parts.AddRange([((nint)slot.X(layer), words * Widths.Hidden), ((nint)slot.Context(layer), words * Widths.Context),
                        ((nint)slot.Attention(layer), words * Widths.Hidden), ((nint)slot.AttentionSums(layer), rows * Widths.Hidden),
                        ((nint)slot.OutputSums(layer), rows * Widths.Hidden), ((nint)slot.Projections(layer), rows * 3 * Widths.Context / products.Group)]);
                    if (keepsInner) { parts.AddRange([((nint)slot.Activated(layer), words * Widths.Inner), ((nint)slot.Slopes(layer), rows * Widths.Inner)]); }
                }
                return parts;
            }
        }
    }

    [Fact]
    public void Begin_HoldsTheNewBatchAndNoPass()
    {
        using TrainingSlot slot = new(ProductKernels.For(CpuTier.Scalar), Widths, 1, keepsInner: true);
        slot.Begin(Batch(5), null, 5);
        slot.EmbeddingSums[0] = 7;
        slot.IsFilled = true;
        PackedBatch batch = Batch(5);
        StepDropout dropout = new(1, 2, [0]);
        slot.Begin(batch, dropout, 5);
        Assert.False(slot.IsFilled);
        Assert.Same(batch, slot.Batch);
        Assert.Equal(dropout, slot.Dropout);
        Assert.Equal(7, slot.EmbeddingSums[0]); // there was room: a new block would hold zeros
    }

    [Fact]
    public void GradientRows_HaveTheirPartsApartAndNoMore()
    {
        foreach (bool recomputes in new[] { false, true })
        {
            const int Rows = 7, Words = 5;
            using GradientRows one = new(Rows, Words, Widths, recomputes), two = new(Rows, Words, Widths, recomputes);
            Parts.AssertApart([.. Of(one), .. Of(two)]);
            Assert.Equal(sizeof(float) * Of(one).Sum(part => part.Floats), one.Bytes);
            Assert.True(one.Holds(Rows, Words) && one.Holds(1, 1));
            Assert.False(one.Holds(Rows + 1, Words) || one.Holds(Rows, Words + 1));

            List<(nint Start, long Floats)> Of(GradientRows rows)
            {
                List<(nint, long)> parts = [((nint)rows.X, Rows * Widths.Hidden), ((nint)rows.Down, Words * Widths.Hidden),
                    ((nint)rows.Dense, Words * Widths.Hidden), ((nint)rows.Up, Words * Widths.Inner), ((nint)rows.Projections, Words * 3 * Widths.Context)];
                if (recomputes) { parts.Add(((nint)rows.Activated, Words * Widths.Inner)); }
                return parts;
            }
        }
    }
}
