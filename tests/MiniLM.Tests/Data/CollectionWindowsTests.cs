using System.Text;
using MiniLM.Batching;
using MiniLM.Data;
using MiniLM.Text.Repair;

namespace MiniLM.Tests.Data;

public sealed class CollectionWindowsTests
{
    [Fact]
    public void Read_CutsByNumber() => Assert.Equal([3, 3, 1], Windows(Lines(7), capacity: 3).Select(window => window.Length));

    [Fact]
    public void Read_EndsExactlyWithAFullWindow() => Assert.Equal([3, 3], Windows(Lines(6), capacity: 3).Select(window => window.Length));

    [Fact]
    public void Read_CutsByCharacters()
    {
        string large = new('x', CollectionWindows.MaxChars / 2);
        Assert.Equal([2, 1], Windows($"a\t{large}\nb\t{large}\nc\t{large}\n").Select(window => window.Length));
    }

    [Fact]
    public void Read_CutsByPace()
    {
        string text = new('x', 1008); // with 16 for what else a row costs a quarter of the first window
        using TextCollection collection = Open(string.Concat(Enumerable.Range(0, 10).Select(i => $"{i}\t{text}\n")));
        WindowPace pace = new();
        CollectionWindows windows = new(collection, "document", pace: pace);
        List<int> counts = [];
        while (windows.Read())
        {
            counts.Add(windows.Window.Count);
            pace.Adapt(.5);
        }
        Assert.Equal([4, 4, 2], counts);
    }

    [Fact]
    public void Read_PassesOverWhatIsNotWanted()
    {
        string text = "a\t1\nb b\t2\na2\t3\nb b\t4\nc\t5\n"; // the ids that break a rule are not looked at
        Document[] read = [.. Windows(text, id => !id.StartsWith('b')).SelectMany(window => window)];
        Assert.Equal(["a", "a2", "c"], read.Select(document => document.Id));
    }

    [Theory]
    [InlineData("a\t1\nb\t2\na\t3\n", "standard input:3: the id 'a' was there before. Give every query its own.")]
    [InlineData("a\t1\nb c\t2\n", "standard input:2: the id 'b c' has white space, which separates the fields of a run. Give the query another.")]
    [InlineData("a\t1\n\t2\n", "standard input:2: the id is empty. Give every text an id.")]
    public void Read_RefusesIdsThatNoRunCanHold(string text, string message) =>
        Assert.Equal(message, Assert.Throws<DataFormatException>(() => Windows(text, capacity: 2).ToArray()).Message);

    /// <summary>As if the file held the repaired texts: what is no title then is none, and a text without one loses the white space at its ends.</summary>
    [Fact]
    public void Read_RepairsTitlesAndTextsButNoIds()
    {
        const string Json = """
            {"_id": "Ã©", "title": "Ã©", "text": " Ã© "}
            {"_id": "2", "title": " \u0007", "text": "\u0007 &lt; \u0007"}
            {"_id": "3", "text": "Ã©"}
            """;
        Assert.Equal([new("Ã©", "é", " é "), new("2", "", "<"), new("3", "", "é")], Read(Json, TextRepairKind.Full));
        Assert.Equal([new("Ã©", "é", " é "), new("2", " \a", "\a &lt; \a"), new("3", "", "é")], Read(Json, TextRepairKind.Encoding));
        Assert.Equal([new("Ã©", "", "é <")], Read("Ã©\tÃ© &lt;\n", TextRepairKind.Full));

        static List<Document> Read(string text, TextRepairKind repair)
        {
            using TextCollection collection = TextCollection.Open("-", new RowFormat { Repair = repair }, () => new MemoryStream(Encoding.UTF8.GetBytes(text)));
            List<Document> documents = [];
            while (collection.Read(out Document document)) { documents.Add(document); }
            return documents;
        }
    }

    [Fact]
    public void Read_StopsWhenCancelled()
    {
        using TextCollection collection = Open(Lines(3));
        Assert.Throws<OperationCanceledException>(() => new CollectionWindows(collection, "query").Read(new CancellationToken(canceled: true)));
    }

    private static IEnumerable<Document[]> Windows(string text, Func<string, bool>? isWanted = null, int capacity = 100)
    {
        using TextCollection collection = Open(text);
        CollectionWindows windows = new(collection, "query", isWanted, capacity);
        while (windows.Read()) { yield return [.. windows.Window]; }
        Assert.Empty(windows.Window);
    }

    private static TextCollection Open(string text) => TextCollection.Open("-", openStandardInput: () => new MemoryStream(Encoding.UTF8.GetBytes(text)));

    private static string Lines(int count) => string.Concat(Enumerable.Range(0, count).Select(i => $"d{i}\ttext {i}\n"));
}
