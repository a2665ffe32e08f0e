using System.Text;
using MiniLM.Data;
using MiniLM.Tests.Weights;

namespace MiniLM.Tests.Data;

/// <summary>Which columns of a table, and which names of an object, are id, title and text.</summary>
public sealed class TextCollectionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.tsv", "1\tx y\n2\tz\n", "", "1||x y 2||z")]
    [InlineData("a.tsv", "id\ttext\n1\tx\n", "", "1||x")]
    [InlineData("a.tsv", "qid\tquery\n1\tx\n", "", "1||x")]
    [InlineData("a.tsv", "text\t_id\nx\t1\n", "", "1||x")]
    [InlineData("a.tsv", "id\tother\n1\tx\n", "", "id||other 1||x")] // one name of the two is a text
    [InlineData("a.tsv", "id\ttext\ttitle\n1\tx\tt\n", "", "1|t|x")]
    [InlineData("a.tsv", "id\turl\ttitle\ttext\n1\tu\tt\tx\n", "id,title,text", "1|t|x")]
    [InlineData("a.tsv", "id\turl\ttitle\ttext\n1\tu\tt\tx\n", "title,id", "t||1")]
    [InlineData("a.tsv", "1\tu\tt\tx\n", "#0,2,3", "1|t|x")]
    [InlineData("a.tsv", "id\ttext\n1\tx\n", "#", "id||text 1||x")]
    [InlineData("a.csv", "url,docid,contents\nu,1,\"x, \"\"y\"\"\"\n", "", "1||x, \"y\"")]
    [InlineData("a.csv", "_id,id,title,text\n1,2,t,x\n", "", "1|t|x")]
    [InlineData("a.csv", "id,text\n1,x,\n", "", "1||x")]
    [InlineData("a.csv", "p;q\n1;x\n", ";p,q", "1||x")]
    [InlineData("a.csv", "id;text\n1;x\n", ";", "1||x")]
    [InlineData("a.jsonl", "{\"docid\":1,\"contents\":\"x \"}\n{\"id\":\"2\",\"title\":\"t\",\"text\":\"y\"}\n{\"qid\":\"3\",\"query\":\"z\"}", "",
        "1||x 2|t|y 3||z")]
    [InlineData("a.jsonl", "{\"id\":1,\"_id\":2,\"query\":\"q\",\"text\":\"x\"}", "", "2||x")]
    [InlineData("a.jsonl", "{\"pid\":1,\"title\":\"no\",\"text\":\"no\",\"head\":\"t\",\"body\":\"x\"}", "pid,head,body", "1|t|x")]
    [InlineData("a.jsonl", "{\"pid\":1,\"title\":\"no\",\"body\":\"x\"}", "pid,body", "1||x")]
    [InlineData("a.json", "[{\"_id\":1,\"text\":\"x\"},{\"_id\":2,\"text\":\"y\"}]", "", "1||x 2||y")]
    public void Read_FindsIdTitleAndText(string name, string content, string columns, string expected)
    {
        using TextCollection collection = Open(name, content, columns);
        List<string> documents = [];
        while (collection.Read(out Document document)) { documents.Add($"{document.Id}|{document.Title}|{document.Text}"); }
        Assert.Equal(expected, string.Join(' ', documents));
    }

    [Theory]
    [InlineData("a.tsv", "1\tt\tx\n", "", "a.tsv:1: has 3 fields", "--no-header --columns 0,1")]
    [InlineData("a.tsv", "1\tx\n2\ty\tz\n", "", "a.tsv:2: has 3 fields", "--columns")]
    [InlineData("a.tsv", "1\tx\n2\n", "", "a.tsv:2: has no tab", "")]
    [InlineData("a.csv", "pid,passage\n1,x\n", "", "a.csv:1: has the columns 'pid', 'passage'", "--columns")]
    [InlineData("a.csv", "id;text\n1;x\n", "", "a.csv:1: has the columns 'id;text'", "--delimiter ';'")]
    [InlineData("a.csv", "id,text\n1\n", "", "a.csv:2: has 1 field(s), no field 1", "")]
    [InlineData("a.csv", "id,text\n1,x, y\n", "", "a.csv:2: has 3 fields, and its header 2", "Correct the row.")]
    [InlineData("a.csv", "id,text\n1,x, y\n", "id,text", "a.csv:2: has 3 fields, and its header 2", "")]
    [InlineData("a.csv", "id,a,text\n1,2\n", "", "a.csv:2: has 2 field(s), no field 2", "")]
    [InlineData("a.tsv", "id\ttext\n1\tx\n", "id,body", "a.tsv:1: has no column 'body', it has 'id', 'text'", "--columns")]
    [InlineData("a.tsv", "1\tx\n", "#0,text", "a.tsv: without a header columns are numbers from 0, not 'text'", "")]
    [InlineData("a.jsonl", "{\"docid\":1,\"body\":\"x\"}", "", "a.jsonl:1: has no 'text'", "")]
    [InlineData("a.jsonl", "{\"_id\":1,\"text\":\"x\"}", "_id,body", "a.jsonl:1: has no 'body'", "--columns")]
    [InlineData("a.jsonl", "{\"pid\":1,\"text\":\"x\"}", "", "a.jsonl:1: has no '_id'", "")]
    [InlineData("a.xml", "", "", "a.xml: the format 'xml' is not known", ".csv")]
    public void Read_RefusesByPlaceWithTheRemedy(string name, string content, string columns, string message, string remedy)
    {
        DataFormatException error = Assert.Throws<DataFormatException>(() =>
        {
            using TextCollection collection = Open(name, content, columns);
            while (collection.Read(out _)) { }
        });
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NamesNoOptionThatTheCommandHasNot()
    {
        File.WriteAllText(_folder.File("a.tsv"), "1\tt\tx\n");
        Assert.DoesNotContain("--", Assert.Throws<DataFormatException>(() => TextCollection.Open(_folder.File("a.tsv"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_OfStandardInputKnowsJsonByItsStart()
    {
        (string Input, string Expected)[] inputs =
            [(" [ {\"id\":1,\"text\":\"x\"}]", "x"), ("\n{\"id\":1,\n\"text\":\"y\"}", "y"), ("1\t[z]", "[z]"), ("[1]\t{", "{")];
        foreach ((string input, string expected) in inputs)
        {
            using TextCollection collection = TextCollection.Open("-", openStandardInput: () => new MemoryStream(Encoding.UTF8.GetBytes(input)));
            Assert.True(collection.Read(out Document document));
            Assert.Equal(expected, document.Text);
        }
    }

    /// <param name="name">Of the file.</param>
    /// <param name="content">What it holds.</param>
    /// <param name="columns">Asked for; with # before them without a header, with another sign that one as the delimiter.</param>
    private TextCollection Open(string name, string content, string columns)
    {
        File.WriteAllText(_folder.File(name), content);
        bool hasDelimiter = columns.StartsWith(';'), hasHeader = !columns.StartsWith('#');
        columns = columns.TrimStart('#', ';');
        return TextCollection.Open(_folder.File(name), new RowFormat
        {
            Columns = columns.Length == 0 ? [] : columns.Split(','),
            Delimiter = hasDelimiter ? ';' : null,
            HasHeader = hasHeader,
            Options = ["--columns", "--no-header", "--delimiter"],
        });
    }
}
