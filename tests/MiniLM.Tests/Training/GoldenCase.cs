using System.Numerics;
using System.Text.Json;

namespace MiniLM.Tests.Training;

/// <summary>A case of a training golden: its JSON and its tensors.</summary>
internal sealed class GoldenCase(Golden golden, JsonElement json)
{
    internal string Name { get; } = json.GetProperty("name").GetString()!;

    internal string Operation { get; } = json.GetProperty("op").GetString()!;

    internal JsonElement Parameters { get; } = json.GetProperty("params");

    internal bool Has(string name) => golden.Has($"{Name}.in.{name}");

    internal int[] Shape(string name) => Array.ConvertAll(golden.Shape($"{Name}.in.{name}"), size => (int)size);

    internal int[] Integers(string name) => Array.ConvertAll(golden.Longs($"{Name}.in.{name}"), value => (int)value);

    internal T[] Input<T>(string name) where T : INumberBase<T> => Array.ConvertAll(golden.Doubles($"{Name}.in.{name}"), T.CreateChecked);

    internal T[] OutputGradient<T>(string name = "y") where T : INumberBase<T> => Array.ConvertAll(golden.Doubles($"{Name}.gout.{name}"), T.CreateChecked);

    /// <summary>Compares in the metric of the golden: float within its tolerance, double within 1e-12.</summary>
    internal void Check<T>(string what, ReadOnlySpan<T> actual) where T : IBinaryFloatingPointIeee754<T>
    {
        double[] expected = golden.Doubles($"{Name}.{what}");
        double tolerance = typeof(T) == typeof(double) ? 1e-12 : Math.Max(2e-6, json.GetProperty("tol").GetProperty(what).GetDouble());
        Relative(expected, actual, tolerance, $"{Name}.{what}");
    }

    /// <summary>The largest difference over the largest expected value, or absolute where all of them are 0.</summary>
    internal static void Relative<T>(ReadOnlySpan<double> expected, ReadOnlySpan<T> actual, double tolerance, string what)
        where T : IBinaryFloatingPointIeee754<T>
    {
        Assert.Equal(expected.Length, actual.Length);
        double largest = 0, difference = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double value = double.CreateChecked(actual[i]);
            Assert.True(double.IsFinite(value), $"{what}[{i}] is {value}");
            largest = Math.Max(largest, Math.Abs(expected[i]));
            difference = Math.Max(difference, Math.Abs(expected[i] - value));
        }
        if (largest > 0) { difference /= largest; }
        Assert.True(difference <= tolerance, $"{what}: off by {difference:g3}, allowed {tolerance:g3}");
    }

    /// <summary>The cases of a pair of files NAME.json and NAME.safetensors.</summary>
    internal static IEnumerable<GoldenCase> Read(Golden golden, string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("golden", "training", name + ".json")));
        return [.. document.RootElement.GetProperty("cases").Clone().EnumerateArray().Select(json => new GoldenCase(golden, json))];
    }
}
