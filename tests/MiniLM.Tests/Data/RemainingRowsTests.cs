using System.Text;
using MiniLM.Data;
using MiniLM.Data.Duplicates;
using MiniLM.Tests.Weights;

namespace MiniLM.Tests.Data;

public sealed class RemainingRowsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("text\na\nb\nA \nb\nc\n", "text\na\nb\nc\n", 9, 14)] // the rows of 3 and 2 bytes behind one another
    [InlineData("text\na\n\"a\"\nb", "text\na\nb", 7, 11)]
    [InlineData("text\na\nb\na", "text\na\nb\n", 9, 10)]
    [InlineData("text\na\nb\n", "text\na\nb\n")]
    public void RowsThatRepeatEarlierOnes_AreLeftOut(string content, string expected, params int[] removed)
    {
        string path = Write(content);
        List<long> counted = [], compared = [];
        using RowReader first = Open(path), second = Open(path);
        Deduplication deduplication = new(0.9, RemainingRows.Count(first, counted.Add));
        List<(long Start, long End)> found = RemainingRows.FindRemoved(second, deduplication, compared.Add);
        Assert.Equal(Enumerable.Range(1, content.Count(c => c == '\n') - (content[^1] == '\n' ? 1 : 0)).Select(row => (long)row), counted);
        Assert.Equal(counted, compared);
        Assert.Equal(removed.Length > 0 ? [(removed[0], removed[1])] : [], Joined(found));
        Assert.Equal(expected, Copy(path, found));
    }

    [Fact]
    public void Copy_OfMoreThanABuffer_LeavesOutRangesWhereverTheyLie()
    {
        const int Buffer = 1 << 16;
        string content = string.Concat(Enumerable.Range(0, 3 * Buffer + 7).Select(i => (char)('a' + i % 23)));
        (long, long)[] removed = [(0, 1), (5, 5), (Buffer - 1, Buffer + 2), (2 * Buffer, 3 * Buffer + 1), (3 * Buffer + 6, 3 * Buffer + 7)];
        Assert.Equal(content[1..(Buffer - 1)] + content[(Buffer + 2)..(2 * Buffer)] + content[(3 * Buffer + 1)..^1], Copy(Write(content), removed));
    }

    [Fact]
    public void Cancellation_EndsAll()
    {
        string path = Write("text\na\n");
        CancellationToken canceled = new(canceled: true);
        using RowReader first = Open(path), second = Open(path);
        Assert.Throws<OperationCanceledException>(() => RemainingRows.Count(first, cancellation: canceled));
        Assert.Throws<OperationCanceledException>(() => RemainingRows.FindRemoved(second, new Deduplication(0.9, new ShingleCounts()), cancellation: canceled));
        Assert.Throws<OperationCanceledException>(() => RemainingRows.Copy(path, [], Stream.Null, canceled));
    }

    // Ranges that touch are one.
    private static List<(int, int)> Joined(List<(long Start, long End)> ranges)
    {
        List<(int Start, int End)> joined = [];
        foreach ((long start, long end) in ranges)
        {
            if (joined.Count > 0 && joined[^1].End == start) { joined[^1] = (joined[^1].Start, (int)end); }
            else { joined.Add(((int)start, (int)end)); }
        }
        return joined;
    }

    private static string Copy(string path, IReadOnlyList<(long, long)> removed)
    {
        using MemoryStream output = new();
        RemainingRows.Copy(path, removed, output);
        return Encoding.UTF8.GetString(output.ToArray());
    }

    private static RowReader Open(string path) => RowReader.Open(path, new RowFormat { Columns = ["text"] });

    private string Write(string content)
    {
        string path = _folder.File("rows.csv");
        File.WriteAllText(path, content);
        return path;
    }
}
