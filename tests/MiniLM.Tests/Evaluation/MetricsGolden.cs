using System.Text.Json;

namespace MiniLM.Tests.Evaluation;

/// <summary>golden/metrics: numbers with all their digits, NaN and infinity as words.</summary>
internal static class MetricsGolden
{
    internal static string Path(params string[] parts) => SharedFolder.Require(["golden", "metrics", .. parts]);

    internal static JsonElement Json(params string[] parts) => JsonDocument.Parse(File.ReadAllBytes(Path(parts))).RootElement;

    internal static double Number(JsonElement value) => value.ValueKind == JsonValueKind.Number ? value.GetDouble() : value.GetString() switch
    {
        "NaN" => double.NaN,
        "Infinity" => double.PositiveInfinity,
        "-Infinity" => double.NegativeInfinity,
        string other => throw new FormatException(other),
        null => throw new FormatException("null is no number"),
    };

    internal static double Number(JsonElement parent, string name) => Number(parent.GetProperty(name));

    internal static double[] Numbers(JsonElement parent, string name) => [.. parent.GetProperty(name).EnumerateArray().Select(Number)];

    internal static int[] Integers(JsonElement parent, string name) => [.. parent.GetProperty(name).EnumerateArray().Select(value => value.GetInt32())];

    /// <summary>Equal within a tolerance, of the magnitude where that is above 1; NaN equals NaN only.</summary>
    internal static void AssertClose(double expected, double actual, string what, double tolerance = 1e-9)
    {
        bool close = expected.Equals(actual) || Math.Abs(expected - actual) <= tolerance * Math.Max(1, Math.Abs(expected));
        Assert.True(close && double.IsFinite(expected) == double.IsFinite(actual), $"{what}: {actual:R}, not {expected:R}");
    }

    internal static void AssertClose(double[] expected, ReadOnlySpan<double> actual, string what, double tolerance = 1e-9)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) { AssertClose(expected[i], actual[i], $"{what}[{i}]", tolerance); }
    }
}
