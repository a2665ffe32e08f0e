using System.Text;
using System.Text.Json.Nodes;
using MiniLM.Export;
using MiniLM.Model;
using MiniLM.Tests.Weights;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Tests.Model;

public sealed class ModelFolderWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Convert(string source, ModelFolderOptions options, string name = "out")
    {
        using ModelFolder model = ModelFolder.Open(source);
        ModelFolderWriter.Write(model, _folder.File(name), options);
        return _folder.File(name);
    }

    private static bool SameBytes(string a, string b) => File.ReadAllBytes(a).AsSpan().SequenceEqual(File.ReadAllBytes(b));

    private static string[] Files(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder, file))
            .Order(StringComparer.Ordinal)];

    [Fact]
    public void Write_CancelledLeavesNothing()
    {
        using ModelFolder model = ModelFolder.Open(FixtureFolder.Path("models", "bert"));
        CancellationToken cancelled = new(canceled: true);
        Assert.Throws<OperationCanceledException>(() => ModelFolderWriter.Write(model, _folder.File("out"), new(), cancelled));
        Assert.Throws<OperationCanceledException>(() => OnnxExporter.Write(model, _folder.File("out.onnx"), cancellation: cancelled));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.File("")));
    }

    [Fact]
    public void Write_OfADisposedModelIsRefusedAndLeavesNothing()
    {
        ModelFolder model = ModelFolder.Open(FixtureFolder.Path("models", "bert"));
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => ModelFolderWriter.Write(model, _folder.File("out"), new()));
        Assert.Throws<ObjectDisposedException>(() => OnnxExporter.Write(model, _folder.File("out.onnx")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.File("")));
    }

    [Theory]
    [InlineData("model.safetensors"), InlineData("model.onnx")]
    public async Task Write_BesideADisposeEndsWithEveryByte(string name)
    {
        string calm = _folder.File("calm"), beside = _folder.File("beside");
        using (ModelFolder model = ModelFolder.Open(FixtureFolder.Path("models", "bert"))) { Write(model, calm); }
        for (int round = 0; round < 50; round++)
        {
            ModelFolder model = ModelFolder.Open(FixtureFolder.Path("models", "bert"));
            Task task = Task.Run(() => Write(model, beside));
            // Where the .partial is, the write is inside.
            SpinWait.SpinUntil(() => Path.Exists(beside + ".partial") || Path.Exists(beside) || task.IsCompleted);
            model.Dispose();
            await task;
            Assert.True(SameBytes(WeightsOf(calm), WeightsOf(beside)));
            if (File.Exists(beside)) { File.Delete(beside); } else { Directory.Delete(beside, recursive: true); }
        }

        bool IsOnnx() => name == "model.onnx";
        string WeightsOf(string path) => IsOnnx() ? path : Path.Combine(path, name);
        void Write(ModelFolder model, string path)
        {
            if (IsOnnx()) { OnnxExporter.Write(model, path); } else { ModelFolderWriter.Write(model, path, new()); }
        }
    }

    [Fact]
    public void TensorsStayMappedForWhoReadsThem()
    {
        ModelFolder model = ModelFolder.Open(FixtureFolder.Path("models", "bert"));
        float[] before = model.Tensors[0].ToFloats();
        using (new TensorFiles(model.Tensors))
        {
            model.Dispose();
            Assert.Equal(before, model.Tensors[0].ToFloats());
        }
        Assert.Throws<ObjectDisposedException>(() => new TensorFiles(model.Tensors));
    }

    [Fact]
    public void Write_SameTypeGivesTheSameFolder()
    {
        // The folders whose weights the library wrote in its own order; bert_legacy was not.
        foreach (string source in new[] { FixtureFolder.Path("models", "bert"), FixtureFolder.Path("models", "bert_prefix") })
        {
            string output = Convert(source, new() { ElementType = ElementType.F32, Overwrite = true });
            Assert.Equal(Files(source), Files(output));
            foreach (string file in Files(source)) { Assert.True(SameBytes(Path.Combine(source, file), Path.Combine(output, file)), file); }
        }
    }

    [Fact]
    public void Write_TheShippedModelKeepsEverySideFile()
    {
        string source = SharedFolder.Require("models", "all-MiniLM-L6-v2"), output = Convert(source, new());
        Assert.Equal(Files(source), Files(output));
        foreach (string file in Files(source).Where(file => file != "model.safetensors"))
        {
            Assert.True(SameBytes(Path.Combine(source, file), Path.Combine(output, file)), file);
        }
        using ModelFolder before = ModelFolder.Open(source), after = ModelFolder.Open(output);
        Assert.Equal(before.Tensors.Count, after.Tensors.Count);
    }

    [Theory]
    [InlineData(ElementType.F16, "float16")]
    [InlineData(ElementType.BF16, "bfloat16")]
    public void Write_AnotherTypeRoundsEveryWeightAndBackIsExact(ElementType type, string name)
    {
        string source = FixtureFolder.Path("models", "bert");
        string half = Convert(source, new() { ElementType = type }, "half"), wide = Convert(half, new() { ElementType = ElementType.F32 }, "wide");
        string again = Convert(wide, new() { ElementType = type }, "again");
        Assert.True(SameBytes(Path.Combine(half, "model.safetensors"), Path.Combine(again, "model.safetensors")));
        using ModelFolder original = ModelFolder.Open(source), halved = ModelFolder.Open(half), widened = ModelFolder.Open(wide);
        Assert.All(halved.Tensors, tensor => Assert.Equal(type, tensor.ElementType));
        float unit = type == ElementType.F16 ? 1f / 2048 : 1f / 256;
        foreach (Tensor tensor in original.Tensors)
        {
            float[] exact = tensor.ToFloats(), rounded = widened.Tensors.Single(other => other.Name == tensor.Name).ToFloats();
            for (int i = 0; i < exact.Length; i++) { Assert.True(MathF.Abs(exact[i] - rounded[i]) <= unit * MathF.Max(MathF.Abs(exact[i]), 6.2e-5f)); }
        }
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(half, "config.json")))!.AsObject();
        Assert.Equal(name, (string)config["torch_dtype"]!);
        config.Remove("torch_dtype");
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json"))), config));
        Assert.Equal("float32", (string)JsonNode.Parse(File.ReadAllText(Path.Combine(wide, "config.json")))!["torch_dtype"]!);
    }

    [Fact]
    public void Write_OfTrainedWeightsPutsThemInTheirPlacesAndKeepsTheRest()
    {
        using ModelFolder model = ModelFolder.Open(FixtureFolder.Path("models", "bert"));
        using ParameterBlock trained = new(model.Network);
        foreach (Parameter parameter in trained.Parameters)
        {
            foreach (ref float value in trained[parameter]) { value += 1; }
        }
        string output = _folder.File("trained");
        ModelFolderWriter.Write(model, output, new ModelFolderOptions { Values = trained.Of, ElementType = ElementType.F32 });
        using ModelFolder written = ModelFolder.Open(output);
        Assert.Equal(model.Tensors.Count, written.Tensors.Count);
        HashSet<Tensor> weights = [.. model.Network.Tensors()];
        int changed = 0;
        foreach ((Tensor before, Tensor after) in model.Tensors.Zip(written.Tensors))
        {
            Assert.Equal(before.Name, after.Name);
            if (!before.ElementType.IsWeight()) { continue; }
            bool isTrained = weights.Contains(before);
            Assert.Equal(Array.ConvertAll(before.ToFloats(), value => isTrained ? value + 1 : value), after.ToFloats());
            if (isTrained) { changed++; }
        }
        Assert.Equal(trained.Parameters.Count, changed);
    }

    // A model card, a calibration and an account of the training data are of the weights that were there before.
    [Fact]
    public void Write_OfTrainedWeightsLeavesOutWhatWasSaidOfTheOldOnes()
    {
        string copied = _folder.File("copied"), trainedCopy = _folder.File("trained-copy");
        string[] said = ["README.md", "calibration.json", "data_config.json", "train_script.py", "train_results.json", "eval_results.json"];
        using EditedModel edited = new();
        foreach (string file in said.Append("LICENSE")) { edited.Write(file, "{}"); }
        using ModelFolder model = ModelFolder.Open(edited.Path);
        using ParameterBlock trained = new(model.Network);
        ModelFolderWriter.Write(model, copied, new ModelFolderOptions());
        ModelFolderWriter.Write(model, trainedCopy, new ModelFolderOptions { Values = trained.Of, ElementType = ElementType.F32 });
        Assert.Equal(Files(edited.Path), Files(copied));
        Assert.Equal(Files(edited.Path).Except(said), Files(trainedCopy));
    }

    [Fact]
    public void Write_ConvertsDenseModulesToo()
    {
        using EditedModel model = SentenceModulesTests.WithDense("""{"in_features":64,"out_features":5}""");
        string output = Convert(model.Path, new() { ElementType = ElementType.BF16 });
        using SafetensorsFile dense = new(Path.Combine(output, "2_Dense", "model.safetensors"));
        Assert.All(dense.Tensors, tensor => Assert.Equal(ElementType.BF16, tensor.ElementType));
        Assert.Equal(Files(model.Path), Files(output));
    }

    [Fact]
    public void Write_ShardsOpenLikeTheSingleFile()
    {
        string source = FixtureFolder.Path("models", "bert"), sharded = Convert(source, new() { MaxShardBytes = 50_000 }, "sharded");
        Assert.False(File.Exists(Path.Combine(sharded, "model.safetensors")));
        string single = Convert(sharded, new(), "single");
        Assert.True(SameBytes(Path.Combine(source, "model.safetensors"), Path.Combine(single, "model.safetensors")));
        Assert.Equal(Files(source), Files(single));
    }

    [Fact]
    public void Write_ModernNamesAreTheLibrarysOfToday()
    {
        string legacy = SharedFolder.Require("golden", "forward", "tiny", "bert_legacy");
        string kept = Convert(legacy, new(), "kept"), modern = Convert(legacy, new() { ModernNames = true }, "modern");
        using SafetensorsFile original = new(Path.Combine(legacy, "model.safetensors")), same = new(Path.Combine(kept, "model.safetensors"));
        Assert.Equal(original.Tensors.Select(tensor => tensor.Name).Order(), same.Tensors.Select(tensor => tensor.Name).Order());
        using SafetensorsFile renamed = new(Path.Combine(modern, "model.safetensors")),
            today = new(SharedFolder.Require("golden", "forward", "tiny", "bert", "model.safetensors"));
        Assert.Equal(original.Tensors.Count, renamed.Tensors.Count); // position_ids and cls.* are kept
        foreach (Tensor tensor in today.Tensors.Where(tensor => !tensor.Name.StartsWith("pooler", StringComparison.Ordinal))) // which the old file has not
        {
            Assert.True(SafetensorsFileTests.Bytes(tensor).SequenceEqual(SafetensorsFileTests.Bytes(renamed.Find(tensor.Name)!)), tensor.Name);
        }
    }

    [Fact]
    public void Write_RefusesAnExistingFolderUnlessAskedTo()
    {
        string source = FixtureFolder.Path("models", "bert"), output = _folder.File("out");
        Directory.CreateDirectory(output);
        File.WriteAllText(Path.Combine(output, "mine.txt"), "mine");
        Assert.Contains("exists. Use --overwrite", Assert.Throws<ModelFormatException>(() => Convert(source, new())).Message, StringComparison.Ordinal);
        Assert.Contains("not a model folder", Assert.Throws<ModelFormatException>(() => Convert(source, new() { Overwrite = true })).Message,
            StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(output, "mine.txt")));
        File.WriteAllText(Path.Combine(output, "config.json"), "{}"); // a model of before, with a note beside it
        Convert(source, new() { Overwrite = true });
        Assert.Equal(Files(source), Files(output));
        Assert.Single(Directory.GetDirectories(_folder.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("inside")]
    [InlineData("..")]
    public void Write_RefusesToWriteOverItsSource(string below)
    {
        string source = _folder.Copy(FixtureFolder.Path("models", "bert"), "deep/source");
        using ModelFolder model = ModelFolder.Open(source);
        Assert.Throws<ModelFormatException>(() => ModelFolderWriter.Write(model, Path.Combine(source, below), new() { Overwrite = true }));
        Assert.Equal(Files(FixtureFolder.Path("models", "bert")), Files(source));
    }

    [Fact]
    public unsafe void Write_LeavesNothingWhenAWeightDoesNotFit()
    {
        using EditedModel model = new();
        fixed (float* huge = Enumerable.Repeat(1e6f, 32).ToArray())
        {
            byte* data = (byte*)huge;
            model.Tensors(tensor => tensor.Name == "pooler.dense.bias"
                ? new(new Tensor(tensor.Name, ElementType.F32, [32], data, 128, "memory"))
                : new(tensor));
        }
        string message = Assert.Throws<ModelFormatException>(() => Convert(model.Path, new() { ElementType = ElementType.F16 })).Message;
        Assert.Contains("'pooler.dense.bias'", message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("""{"a":1,"torch_dtype":"float32","z":{"dtype":"x"}}""", """{"a":1,"torch_dtype":"float16","z":{"dtype":"x"}}""")]
    [InlineData("""{ "dtype" : null , "torch_dtype": "bfloat16" }""", """{ "dtype" : "float16" , "torch_dtype": "float16" }""")]
    [InlineData("{\"a\": 1e-05}", "{\n  \"torch_dtype\": \"float16\",\"a\": 1e-05}")]
    [InlineData("{ }", "{\n  \"torch_dtype\": \"float16\"\n }")]
    [InlineData("\uFEFF{\"dtype\":\"float32\"}", "\uFEFF{\"dtype\":\"float16\"}")]
    public void ConfigDtype_ChangesNothingElse(string json, string expected) =>
        Assert.Equal(expected, Encoding.UTF8.GetString(ConfigDtype.Set(Encoding.UTF8.GetBytes(json), "float16", addWhenAbsent: true)));

    public void Dispose() => _folder.Dispose();
}
