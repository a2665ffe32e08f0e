using System.Text.Json;
using MiniLM.Compute;

namespace MiniLM.Tests.Compute;

public sealed class MpnetBucketsTests
{
    [Fact]
    public void Of_IsTheReferencesTable()
    {
        string path = SharedFolder.Require("golden", "forward", "tiny", "mpnet_buckets.json");
        using JsonDocument table = JsonDocument.Parse(File.ReadAllBytes(path));
        int distance = table.RootElement.GetProperty("first").GetInt32();
        foreach (JsonElement bucket in table.RootElement.GetProperty("bucket").EnumerateArray())
        {
            Assert.Equal(bucket.GetInt32(), MpnetBuckets.Of(distance++));
        }
        Assert.Equal(table.RootElement.GetProperty("last").GetInt32() + 1, distance);
    }
}
