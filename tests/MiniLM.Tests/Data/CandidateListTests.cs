using System.Text;
using MiniLM.Data;
using MiniLM.Text.Repair;

namespace MiniLM.Tests.Data;

public sealed class CandidateListTests
{
    [Fact]
    public void Pairs_ArePositivesFirst_ListByList_OfEveryQuery() =>
        Assert.Equal(["q-p1", "q-p2", "q-n", "only-x", "a-y", "a-z", "b-y", "b-z"], Pairs("""
            {"query":"q","neg":["n"],"pos":["p1","p2"]}
            {"query":"only","pos":[],"neg":["x"]}
            {"query":"none","pos":[],"neg":[]}

            {"query":["a","b"],"pos":["y"],"neg":["z"]}
            """));

    [Fact]
    public void Texts_AreRepaired() => Assert.Equal(["é-é"], Pairs("""{"query":"Ã©","pos":["Ã©"],"neg":[]}""", TextRepairKind.Encoding));

    [Theory]
    [InlineData("""{"query":"q","pos":[]}""", "has no 'neg'. A line is {\"query\"")]
    [InlineData("""{"query":1,"pos":[],"neg":[]}""", "'query' is not a list of texts")]
    [InlineData("""{"query":[],"pos":["p"],"neg":["n"]}""", "'query' is an empty list. A line is {\"query\"")]
    [InlineData("""{"query":"q","pos":"p","neg":[]}""", "'pos' is not a list of texts")]
    [InlineData("""{"query":"q","pos":["p",null],"neg":[]}""", "'pos' is not a list of texts")]
    [InlineData("""{"query":"q","pos":["\ud800"],"neg":[]}""", "the text at byte 20 has half a surrogate pair")]
    [InlineData("""{"query":"\ud800","pos":[],"neg":[]}""", "half a surrogate pair")]
    [InlineData("[]", "not a JSON object")]
    public void Read_RefusesWhatIsNoList(string line, string part)
    {
        string message = Assert.Throws<DataFormatException>(() => Pairs("{\"query\":\"q\",\"pos\":[],\"neg\":[]}\n" + line)).Message;
        Assert.StartsWith("standard input:2: ", message, StringComparison.Ordinal);
        Assert.Contains(part, message, StringComparison.Ordinal);
    }

    private static string[] Pairs(string lines, TextRepairKind repair = TextRepairKind.None)
    {
        using CandidateListPairs reader = new("-", new RowFormat { Repair = repair }, () => new MemoryStream(Encoding.UTF8.GetBytes(lines)));
        List<string> pairs = [];
        for (string[] row = new string[2]; reader.Read(row);) { pairs.Add($"{row[0]}-{row[1]}"); }
        return [.. pairs];
    }
}
