using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Tests.Data;

public class BeirGoldenTests
{
    [Theory]
    [InlineData("corpus.jsonl", "corpus", "joined")]
    [InlineData("queries.jsonl", "queries", "text")]
    public void Read_GivesTheGoldenTexts(string file, string list, string property)
    {
        using TextCollection collection = TextCollection.Open(TextGolden.Path("beir", file));
        JsonElement golden = TextGolden.Json("beir", "expected.json").GetProperty(list);
        Assert.NotEqual(0, golden.GetArrayLength());
        foreach (JsonElement expected in golden.EnumerateArray())
        {
            Assert.True(collection.Read(out Document document));
            Assert.Equal(expected.GetProperty("id").GetString(), document.Id);
            Assert.Equal(expected.GetProperty(property).GetString(), document.Joined);
            Assert.Equal(expected.TryGetProperty("title", out JsonElement title) ? title.GetString() : "", document.Title);
            Assert.Equal(expected.GetProperty("text").GetString(), document.Text);
        }
        Assert.False(collection.Read(out _));
    }
}
