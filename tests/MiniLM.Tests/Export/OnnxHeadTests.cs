using Microsoft.ML.OnnxRuntime;
using MiniLM.Export;
using MiniLM.Model;
using MiniLM.Tests.Model;
using MiniLM.Tests.Weights;
using MiniLM.Weights;

namespace MiniLM.Tests.Export;

/// <summary>Pooling, dense and normalise modules of an exported graph against plain loops over its own last_hidden_state.</summary>
public sealed class OnnxHeadTests
{
    private static readonly long[] Ids = [3, 7, 9, 11, 4, 5, 6, 8, 10, 0], Mask = [1, 1, 1, 1, 1, 1, 1, 0, 0, 0];
    private const int Batch = 2, Columns = 5, Width = 32;

    private static Dictionary<string, float[]> Run(string path)
    {
        using TemporaryFolder folder = new();
        using ModelFolder model = ModelFolder.Open(path);
        OnnxExporter.Write(model, folder.File("model.onnx"));
        Assert.Equal(["model.onnx"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
        using InferenceSession session = new(folder.File("model.onnx"));
        return OnnxExporterTests.Run(session, Ids, Mask, new long[Ids.Length], [Batch, Columns]);
    }

    private static double[] Pool(float[] hidden, PoolingMode mode, int row)
    {
        double[] pooled = new double[Width];
        int length = (int)Mask[(row * Columns)..((row + 1) * Columns)].Sum();
        for (int i = 0; i < Width; i++)
        {
            double[] column = [.. Enumerable.Range(0, length).Select(t => (double)hidden[(row * Columns + t) * Width + i])];
            pooled[i] = mode switch
            {
                PoolingMode.Cls => column[0],
                PoolingMode.LastToken => column[^1],
                PoolingMode.Max => column.Max(),
                PoolingMode.Mean => column.Sum() / length,
                PoolingMode.MeanSqrtLen => column.Sum() / Math.Sqrt(length),
                _ => column.Select((value, t) => value * (t + 1)).Sum() / (length * (length + 1) / 2.0),
            };
        }
        return pooled;
    }

    [Fact]
    public void Write_EveryPoolingModeInTheOrderOfTheList()
    {
        using EditedModel model = new EditedModel().Write("modules.json", """[{"path":"","type":"x.Transformer"},{"path":"1_Pooling","type":"x.Pooling"}]""")
            .Write("1_Pooling/config.json", """{"pooling_mode":["lasttoken","cls","max","mean","mean_sqrt_len_tokens","weightedmean"]}""");
        PoolingMode[] modes = [PoolingMode.LastToken, PoolingMode.Cls, PoolingMode.Max, PoolingMode.Mean, PoolingMode.MeanSqrtLen, PoolingMode.WeightedMean];
        Dictionary<string, float[]> actual = Run(model.Path);
        for (int row = 0; row < Batch; row++)
        {
            double[] expected = [.. modes.SelectMany(mode => Pool(actual["last_hidden_state"], mode, row))];
            for (int i = 0; i < expected.Length; i++)
            {
                Assert.Equal(expected[i], actual["sentence_embedding"][row * expected.Length + i], 1e-5);
            }
        }
    }

    [Fact]
    public unsafe void Write_DenseModulesThenNormalize()
    {
        using EditedModel model = SentenceModulesTests.WithDense("""{"in_features":64,"out_features":5}""");
        model.Write("modules.json", """
            [{"path":"","type":"x.Transformer"},{"path":"1_Pooling","type":"x.Pooling"},{"path":"2_Dense","type":"x.Dense"},
             {"path":"3_Dense","type":"x.Dense"},{"path":"4_Normalize","type":"x.Normalize"}]
            """).Write("3_Dense/config.json", """{"in_features":5,"out_features":3,"bias":false,"activation_function":"torch.nn.modules.linear.Identity"}""");
        float[] second = [.. Enumerable.Range(0, 15).Select(i => MathF.Cos(i))];
        fixed (float* data = second)
        {
            SafetensorsWriter.Write(model.File("3_Dense", "model.safetensors"),
                [new(new Tensor("linear.weight", ElementType.F32, [3, 5], (byte*)data, 60, "memory"))], null);
        }
        Dictionary<string, float[]> actual = Run(model.Path);
        for (int row = 0; row < Batch; row++)
        {
            double[] pooled = [.. Pool(actual["last_hidden_state"], PoolingMode.Cls, row), .. Pool(actual["last_hidden_state"], PoolingMode.Mean, row)];
            double[] dense = [.. Enumerable.Range(0, 5).Select(o => Math.Tanh(Math.Sin(o) + pooled.Select((x, i) => x * MathF.Sin(o * 64 + i)).Sum()))];
            double[] last = [.. Enumerable.Range(0, 3).Select(o => dense.Select((x, i) => x * second[o * 5 + i]).Sum())];
            double norm = Math.Sqrt(last.Sum(x => x * x));
            for (int i = 0; i < 3; i++) { Assert.Equal(last[i] / norm, actual["sentence_embedding"][row * 3 + i], 1e-5); }
        }
    }

    [Theory]
    [InlineData(PoolingMode.Cls, "cls")]
    [InlineData(PoolingMode.Max, "max")]
    [InlineData(PoolingMode.Mean, "mean")]
    [InlineData(PoolingMode.MeanSqrtLen, "mean_sqrt_len_tokens")]
    [InlineData(PoolingMode.WeightedMean, "weightedmean")]
    [InlineData(PoolingMode.LastToken, "lasttoken")]
    internal void Pooling_IsSentenceTransformersOwnWithPaddingOnEitherSide(PoolingMode mode, string name)
    {
        using SafetensorsFile golden = new(SharedFolder.Require("golden", "forward", "ops.safetensors"));
        long[] shape = golden.Find("pool.hidden")!.Shape.ToArray(), mask = OnnxExporterTests.Longs(golden.Find("pool.mask")!);
        OnnxGraph graph = new();
        graph.Input("hidden", isFloat: true, "batch", "sequence", (int)shape[2]);
        graph.Input("attention_mask", isFloat: false, "batch", "sequence");
        graph.Output(new OnnxPooling(graph, "hidden").Append([mode]), "pooled", "batch", (int)shape[2]);
        using MemoryStream model = new();
        graph.ToModel().WriteTo(model);
        using InferenceSession session = new(model.ToArray());
        using OrtValue hidden = OrtValue.CreateTensorValueFromMemory(golden.Find("pool.hidden")!.ToFloats(), shape),
            maskValue = OrtValue.CreateTensorValueFromMemory(mask, shape[..2]);
        using RunOptions options = new();
        using IDisposableReadOnlyCollection<OrtValue> outputs =
            session.Run(options, new Dictionary<string, OrtValue> { ["hidden"] = hidden, ["attention_mask"] = maskValue }, ["pooled"]);
        float[] expected = golden.Find($"pool.{name}")!.ToFloats();
        ReadOnlySpan<float> actual = outputs[0].GetTensorDataAsSpan<float>();
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) { Assert.Equal(expected[i], actual[i], 1e-6f); }
    }
}
