using System.Text.Json;

namespace MiniLM.Tests.Training;

/// <summary>The JSON of a training golden.</summary>
internal static class TrainingJson
{
    internal static JsonElement Read(string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("golden", "training", name)));
        return document.RootElement.Clone();
    }

    /// <summary>The elements of a list that has some.</summary>
    internal static JsonElement[] Cases(this JsonElement json, string name)
    {
        JsonElement[] cases = [.. json.GetProperty(name).EnumerateArray()];
        Assert.NotEmpty(cases);
        return cases;
    }

    internal static int Integer(this JsonElement json, string name) => json.GetProperty(name).GetInt32();

    internal static double Number(this JsonElement json, string name) => json.GetProperty(name).GetDouble();

    internal static string Text(this JsonElement json, string name) => json.GetProperty(name).GetString()!;

    internal static int[] Integers(this JsonElement json) => [.. json.EnumerateArray().Select(value => value.GetInt32())];

    internal static double[] Numbers(this JsonElement json) => [.. json.EnumerateArray().Select(value => value.GetDouble())];

    internal static bool IsNull(this JsonElement json, string name) => json.GetProperty(name).ValueKind == JsonValueKind.Null;
}
