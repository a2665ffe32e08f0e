using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using MiniLM.Export;
using MiniLM.Model;
using MiniLM.Tests.Weights;
using MiniLM.Weights;

namespace MiniLM.Tests.Export;

public sealed class OnnxExporterTests
{
    private const double Tolerance = 5e-5; // golden/forward/README.md, tiny models

    public static TheoryData<string> TinyModels() =>
        SharedFolder.Root is { } root && Directory.Exists(Path.Combine(root, "golden", "forward", "tiny"))
            ? new(Runnable(Path.Combine(root, "golden", "forward", "tiny")))
        : new(Runnable(FixtureFolder.Path("models")));

    private static IEnumerable<string> Runnable(string folder) => Directory.GetDirectories(folder).Order(StringComparer.Ordinal)
        .Where(path => File.ReadAllText(Path.Combine(path, "config.json")) is var config && !config.Contains("roberta\"", StringComparison.Ordinal));

    [Theory, MemberData(nameof(TinyModels))]
    public void Write_OnnxRuntimeComputesTheExpectedValues(string path)
    {
        using TemporaryFolder temporary = new();
        using ModelFolder model = ModelFolder.Open(path);
        string onnx = temporary.File("model.onnx");
        OnnxExporter.Write(model, onnx);
        using InferenceSession session = new(onnx);
        string expectedPath = Path.Combine(path, "expected.safetensors");
        using SafetensorsFile expected = new(File.Exists(expectedPath) ? expectedPath : Path.Combine(path, "..", "bert", "expected.safetensors"));
        int compared = 0;
        foreach (string input in expected.Tensors.Select(tensor => tensor.Name.Split('.')[0]).Distinct())
        {
            long[] ids = Longs(expected.Find($"{input}.input_ids")!), mask = Longs(expected.Find($"{input}.attention_mask")!);
            long[] types = expected.Find($"{input}.token_type_ids") is { } stored ? Longs(stored) : new long[ids.Length];
            long[] shape = expected.Find($"{input}.input_ids")!.Shape.ToArray();
            Dictionary<string, float[]> actual = Run(session, ids, mask, types, shape);
            int layers = model.Network.Config.NumHiddenLayers, width = model.Network.Config.HiddenSize;
            if (Find(expected, $"{input}.hidden_{layers}", $"{input}.last_hidden") is { } hidden)
            {
                compared += Compare($"{input} hidden", hidden, actual["last_hidden_state"], i => mask[i / width] == 1);
            }
            if (model.Kind == ModelKind.CrossEncoder && Find(expected, $"{input}.logits") is { } logits)
            {
                compared += Compare($"{input} logits", logits, actual["logits"], i => mask[i / model.OutputSize * (int)shape[1]] == 1);
            }
        }
        Assert.NotEqual(0, compared);
    }

    [Fact]
    public void Write_TheShippedModelGivesTheGoldenEmbeddings()
    {
        string golden = SharedFolder.Require("golden", "forward");
        using TemporaryFolder temporary = new();
        using ModelFolder model = ModelFolder.Open(SharedFolder.Require("models", "all-MiniLM-L6-v2"));
        string onnx = temporary.File("model.onnx");
        OnnxExporter.Write(model, onnx);
        using InferenceSession session = new(onnx);
        using SafetensorsFile expected = new(Path.Combine(golden, "sentences.safetensors"));
        float[] embeddings = expected.Find("embeddings")!.ToFloats();
        int width = model.OutputSize;
        string[] lines = [.. File.ReadLines(Path.Combine(golden, "sentences.jsonl")).Take(12)];
        Assert.NotEmpty(lines);
        foreach (string line in lines)
        {
            using JsonDocument sentence = JsonDocument.Parse(line);
            long[] ids = [.. sentence.RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetInt64())];
            long[] mask = [.. ids.Select(_ => 1L)];
            // Padded by three columns, which must not count.
            Dictionary<string, float[]> actual = Run(session, [.. ids, 0, 0, 0], [.. mask, 0, 0, 0], new long[ids.Length + 3], [1, ids.Length + 3]);
            int row = sentence.RootElement.GetProperty("i").GetInt32();
            for (int i = 0; i < width; i++) { Assert.Equal(embeddings[row * width + i], actual["sentence_embedding"][i], 2e-6f); }
        }
    }

    internal static Dictionary<string, float[]> Run(InferenceSession session, long[] ids, long[] mask, long[] types, long[] shape)
    {
        using OrtValue idValue = OrtValue.CreateTensorValueFromMemory(ids, shape), maskValue = OrtValue.CreateTensorValueFromMemory(mask, shape),
            typeValue = OrtValue.CreateTensorValueFromMemory(types, shape);
        Dictionary<string, OrtValue> inputs = new() { ["input_ids"] = idValue, ["attention_mask"] = maskValue, ["token_type_ids"] = typeValue };
        using RunOptions options = new();
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(options, inputs, session.OutputNames);
        return session.OutputNames.Zip(outputs).ToDictionary(pair => pair.First, pair => pair.Second.GetTensorDataAsSpan<float>().ToArray());
    }

    private static double[]? Find(SafetensorsFile file, params string[] names)
    {
        foreach (string name in names)
        {
            if (file.Find($"{name}_f64") is { } wide) { return MemoryMarshal.Cast<byte, double>(SafetensorsFileTests.Bytes(wide)).ToArray(); }
            if (file.Find(name) is { } tensor) { return [.. tensor.ToFloats().Select(value => (double)value)]; }
        }
        return null;
    }

    private static int Compare(string what, double[] expected, float[] actual, Func<int, bool> counts)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (counts(i)) { Assert.True(Math.Abs(expected[i] - actual[i]) <= Tolerance, $"{what}[{i}]: {actual[i]}, expected {expected[i]}"); }
        }
        return 1;
    }

    internal static long[] Longs(Tensor tensor) => MemoryMarshal.Cast<byte, long>(SafetensorsFileTests.Bytes(tensor)).ToArray();
}
