using MiniLM.Cpu.Training;
using MiniLM.Tests;

namespace MiniLM.Cpu.Tests.Training;

public sealed unsafe class GroupSumsTests
{
    private static readonly RowWidths Widths = new(Hidden: 320, Context: 384, Inner: 1024, Head: 32);
    private const int Table = 96;

    [Fact]
    public void Add_OfEveryCountAddsAndWritesNoMore()
    {
        for (int count = 0; count <= 40; count++)
        {
            using GuardedBuffer from = GuardedBuffer.Normal(new Random(count), count), to = GuardedBuffer.Normal(new Random(count + 1), count);
            float[] before = to.Span.ToArray();
            GroupSums.Add(from.Pointer, to.Pointer, count);
            for (int i = 0; i < count; i++) { Assert.Equal(before[i] + from.Span[i], to.Span[i]); }
        }
    }

    [Fact]
    public void AddRows_AddsEachRowInOrder()
    {
        const int Rows = 5, Stride = 40;
        foreach (int width in new[] { 1, 7, 33, 40 })
        {
            using GuardedBuffer rows = GuardedBuffer.Normal(new Random(width), (Rows - 1) * Stride + width), sums = GuardedBuffer.Normal(new Random(1), width);
            float[] expected = sums.Span.ToArray();
            for (int row = 0; row < Rows; row++)
            {
                for (int i = 0; i < width; i++) { expected[i] += rows.Span[row * Stride + i]; }
            }
            GroupSums.AddRows(rows.Pointer, Stride, Rows, width, sums.Pointer);
            Assert.Equal(expected, sums.Span.ToArray());
        }
    }

    [Fact]
    public void Parts_AreApartAndEmptyAtTheBeginning()
    {
        using GroupSums one = new(Widths, Table), two = new(Widths, Table);
        int most = 0;
        foreach (int groups in new[] { 1, 3, 2, 4 })
        {
            one.Begin(groups);
            two.Begin(groups);
            (nint Start, long Floats)[] parts = [.. Enumerable.Range(0, groups).SelectMany(group => Of(one, group).Concat(Of(two, group)))];
            foreach ((nint start, long floats) in parts) { Assert.False(new Span<float>((void*)start, (int)floats).ContainsAnyExcept(0)); }
            Parts.AssertApart(parts);
            most = Math.Max(groups, most);
            Assert.Equal(sizeof(float) * Of(one, 0).Sum(part => part.Floats) * most, one.Bytes);
        }

        static (nint Start, long Floats)[] Of(GroupSums sums, int group) =>
        [
            ((nint)sums.OutputGamma(group), Widths.Hidden), ((nint)sums.OutputBeta(group), Widths.Hidden), ((nint)sums.AttentionGamma(group), Widths.Hidden),
            ((nint)sums.AttentionBeta(group), Widths.Hidden), ((nint)sums.Down(group), Widths.Hidden), ((nint)sums.AttentionOutput(group), Widths.Hidden),
            ((nint)sums.Up(group), Widths.Inner), ((nint)sums.QueryKeyValue(group), 3 * Widths.Context), ((nint)sums.RelativeBias(group), Table),
        ];
    }

    [Fact]
    public void Begin_OfAsManyGroupsTakesNoNewBlock()
    {
        GroupSums one = new(Widths, Table);
        using GroupSums two = new(Widths, Table);
        one.Begin(3);
        two.Begin(3);
        float* before = two.OutputGamma(0);
        one.Dispose(); // the system maps blocks below one another: a new one would lie here
        two.Begin(3);
        Assert.Equal((nint)before, (nint)two.OutputGamma(0));
    }

    [Fact]
    public void AddTo_AddsTheGroupsInOrder()
    {
        const int Groups = 3, Count = 37;
        using GroupSums sums = new(Widths, Table);
        sums.Begin(Groups);
        using GuardedBuffer to = GuardedBuffer.Normal(new Random(1), Count);
        float[] expected = to.Span.ToArray();
        for (int group = 0; group < Groups; group++)
        {
            for (int i = 0; i < Count; i++) { expected[i] += sums.Up(group)[i] = 1f / (3 + group + i); }
        }
        sums.AddTo(to.Pointer, sums.Up(0), Groups, Count);
        Assert.Equal(expected, to.Span.ToArray());
    }
}
