using System.IO.Compression;
using System.Text;
using MiniLM.Data;
using MiniLM.Ranking;
using MiniLM.Tests.Weights;
using MiniLM.Text.Repair;

namespace MiniLM.Tests.Ranking;

public sealed class RunDocumentsTests : IDisposable
{
    // Longer than the readers' buffers of 64 KB, so that places are beyond the first one.
    private static readonly string Long = string.Join(' ', Enumerable.Range(0, 20_000));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("corpus.jsonl", "")]
    [InlineData("corpus.jsonl", "\ufeff")]
    [InlineData("corpus.jsonl.gz", "\ufeff")]
    [InlineData("corpus.tsv", "")]
    [InlineData("corpus.tsv", "\ufeff")]
    [InlineData("corpus.csv", "\ufeff")]
    [InlineData("-", "")]
    public void Read_GivesEveryTextInAnyOrder(string name, string mark)
    {
        string lines = name.EndsWith(".csv") ? "a,\n\"b\"" : "a b";
        (string Id, string Text)[] texts = [("first", "größer"), ("long", Long), ("unwanted", "x"), ("lines", lines), ("last", "z")];
        string content = mark + (name.Contains(".jsonl") ? string.Concat(texts.Select(text => $"\n{{\"_id\":\"{text.Id}\",\"text\":\"{text.Text}\"}}\r\n"))
            : name.EndsWith(".csv") ? "id,text\n" + string.Concat(texts.Select(text => $"{text.Id},\"{text.Text.Replace("\"", "\"\"")}\"\n\n"))
            : string.Concat(texts.Select(text => $"{text.Id}\t{text.Text}\n")));
        byte[] bytes = Encoding.UTF8.GetBytes(content);
        if (name.EndsWith(".gz"))
        {
            using GZipStream file = new(File.Create(_folder.File(name)), CompressionLevel.Fastest);
            file.Write(bytes);
        }
        else if (name != "-") { File.WriteAllBytes(_folder.File(name), bytes); }
        using RunDocuments documents = Find(name, bytes, "lines", "last", "long", "first");
        Dictionary<string, string> expected = texts.ToDictionary(text => text.Id, text => text.Text);
        foreach (int document in new[] { 3, 2, 1, 0, 0, 3 })
        {
            string text = expected[new[] { "lines", "last", "long", "first" }[document]];
            Assert.Equal(text, documents.Read(document));
            Assert.Equal(text.Length, documents.Length(document));
        }
    }

    [Fact]
    public void Read_RepairsAgain()
    {
        File.WriteAllText(_folder.File("c.tsv"), "a\tcafÃ©\n");
        TextCollection corpus = TextCollection.Open(_folder.File("c.tsv"), new RowFormat { Repair = TextRepairKind.Encoding });
        using RunDocuments documents = RunDocuments.Find(corpus, Run("a"), "c", "r", default);
        Assert.Equal("café", documents.Read(0));
        Assert.Equal(4, documents.Length(0));
    }

    [Theory]
    [InlineData("b\ttwo\na\tone\n")]
    [InlineData("a\n")]
    [InlineData("")]
    public void Read_NoticesThatTheFileWasChanged(string other)
    {
        File.WriteAllText(_folder.File("c.tsv"), "a\tone\nb\ttwo\n");
        using RunDocuments documents = Find("c.tsv", [], "a", "b");
        File.WriteAllText(_folder.File("c.tsv"), other);
        string message = Assert.Throws<DataFormatException>(() => documents.Read(0)).Message;
        Assert.Equal("c.tsv: document 'a' is no longer at byte 0: the file was changed while it was read. Run again.", message);
    }

    [Fact]
    public void Find_NamesWhatIsMissing()
    {
        File.WriteAllText(_folder.File("c.tsv"), "a\tone\n");
        string message = Assert.Throws<DataFormatException>(() => Find("c.tsv", [], "x", "a", "y")).Message;
        Assert.Equal("c.tsv: has no document 'x', which in.run names (and 1 more). Give the corpus that it was made for.", message);
    }

    private RunDocuments Find(string name, byte[] standardInput, params string[] ids)
    {
        TextCollection corpus = TextCollection.Open(name == "-" ? name : _folder.File(name), openStandardInput: () => new MemoryStream(standardInput));
        return RunDocuments.Find(corpus, Run(ids), name, "in.run", default);
    }

    private static TrecRun Run(params string[] ids)
    {
        TrecRun run = new();
        foreach (string id in ids) { run.Add("q", id, 1); }
        return run;
    }
}
