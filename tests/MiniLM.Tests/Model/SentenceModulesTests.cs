using MiniLM.Model;
using MiniLM.Weights;

namespace MiniLM.Tests.Model;

public sealed class SentenceModulesTests
{
    private const string ModernPrefix = "sentence_transformers.sentence_transformer.modules.pooling.";

    private static string Modules(params string[] types) =>
        $"[{string.Join(",", types.Select((type, i) => $$"""{"idx":{{i}},"path":"{{PathOf(type, i)}}","type":"{{type}}"}"""))}]";

    private static string PathOf(string type, int i) => i == 0 ? "" : $"{i}_{type[(type.LastIndexOf('.') + 1)..]}";

    private static EditedModel WithPooling(string pooling) => new EditedModel()
        .Write("modules.json", Modules("sentence_transformers.models.Transformer", ModernPrefix + "Pooling")).Write("1_Pooling/config.json", pooling);

    internal static unsafe EditedModel WithDense(string? dense, int outputs = 5, string extraModule = "sentence_transformers.models.Normalize")
    {
        EditedModel model = new();
        model.Write("modules.json", Modules("sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling",
            "sentence_transformers.models.Dense", extraModule));
        model.Write("1_Pooling/config.json", """{"word_embedding_dimension":32,"pooling_mode_mean_tokens":true,"pooling_mode_cls_token":true}""");
        if (dense is null) { return model; }
        model.Write("2_Dense/config.json", dense);
        float[] values = [.. Enumerable.Range(0, outputs * 64).Select(i => MathF.Sin(i))];
        fixed (float* data = values)
        {
            Tensor weight = new("linear.weight", ElementType.F32, [outputs, 64], (byte*)data, values.Length * 4, "memory");
            Tensor bias = new("linear.bias", ElementType.F32, [outputs], (byte*)data, outputs * 4, "memory");
            SafetensorsWriter.Write(model.File("2_Dense", "model.safetensors"), [new(weight), new(bias)], null);
        }
        return model;
    }

    [Theory]
    [InlineData("""{"word_embedding_dimension":32,"pooling_mode_cls_token":false,"pooling_mode_mean_tokens":true}""", "Mean")]
    [InlineData("""{"word_embedding_dimension":32,"pooling_mode_lasttoken":true,"pooling_mode_mean_sqrt_len_tokens":true,"pooling_mode_cls_token":true}""",
        "Cls MeanSqrtLen LastToken")]
    [InlineData("""{"word_embedding_dimension":32,"pooling_mode_weightedmean_tokens":true,"pooling_mode_max_tokens":true}""", "Max WeightedMean")]
    [InlineData("""{"embedding_dimension":32,"pooling_mode":"cls"}""", "Cls")]
    [InlineData("""{"word_embedding_dimension":32}""", "Mean")]
    [InlineData("""{"word_embedding_dimension":32,"pooling_mode_mean_tokens":false,"pooling_mode_cls_token":false}""", "Mean")]
    [InlineData("""{"embedding_dimension":32,"pooling_mode":["mean","cls","mean_sqrt_len_tokens"]}""", "Mean Cls MeanSqrtLen")]
    public void Open_ReadsBothSpellingsOfPooling(string pooling, string expected)
    {
        using EditedModel model = WithPooling(pooling);
        using ModelFolder opened = ModelFolder.Open(model.Path);
        Assert.Equal(expected, string.Join(' ', opened.Network.Pooling));
        Assert.Equal(32 * opened.Network.Pooling.Length, opened.OutputSize);
        Assert.Equal(ModelKind.BiEncoder, opened.Kind);
        Assert.False(opened.DefaultedPooling);
        Assert.True(opened.IncludePrompt);
    }

    [Theory]
    [InlineData("""{"embedding_dimension":32,"pooling_mode":"median"}""", "pooling_mode 'median'")]
    [InlineData("""{"embedding_dimension":64,"pooling_mode":"mean"}""", "embedding_dimension is 64")]
    [InlineData("""{"word_embedding_dimension":384,"pooling_mode_mean_tokens":true}""", "word_embedding_dimension is 384")]
    [InlineData("""{"embedding_dimension":32,"pooling_mode":[]}""", "0 pooling modes")]
    [InlineData("""{"embedding_dimension":32,"pooling_mode_mean_tokens":"yes"}""", "pooling_mode_mean_tokens is")]
    public void Open_RefusesAPooling(string pooling, string part)
    {
        using EditedModel model = WithPooling(pooling);
        string message = model.Refusal();
        Assert.Contains("/1_Pooling/config.json: ", message, StringComparison.Ordinal);
        Assert.Contains(part, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("torch.nn.modules.activation.Tanh", "Tanh")]
    [InlineData("torch.nn.modules.linear.Identity", "Identity")]
    [InlineData("torch.nn.modules.activation.ReLU", "Relu")]
    [InlineData("mine.Act", "Tanh")] // code of the author's own is not run
    public void Open_ReadsADenseModule(string function, string activation)
    {
        using EditedModel model = WithDense($$"""{"in_features":64,"out_features":5,"bias":true,"activation_function":"{{function}}"}""");
        using ModelFolder opened = ModelFolder.Open(model.Path);
        DenseModule dense = Assert.IsType<DenseModule>(opened.Network.Head[0]);
        Assert.Equal(activation, dense.Activation.ToString());
        Assert.Equal(function == "mine.Act", opened.Notes.Any(note => note.Contains("'mine.Act'", StringComparison.Ordinal)));
        Assert.IsType<NormalizeModule>(opened.Network.Head[1]);
        Assert.Equal(5, opened.OutputSize);
        Assert.Equal(2, opened.WeightFiles.Count);
    }

    [Theory]
    [InlineData("""{"in_features":32,"out_features":5}""", "in_features is 32, the module before gives 64")]
    [InlineData("""{"in_features":64,"out_features":6}""", "'linear.bias' is [5], 2_Dense/config.json says [6] (out_features)")]
    [InlineData("""{"in_features":64,"out_features":5,"activation_function":"torch.nn.modules.activation.SiLU"}""",
        "activation_function 'torch.nn.modules.activation.SiLU'")]
    [InlineData("""{"in_features":64,"out_features":5,"use_residual":true}""", "use_residual")]
    [InlineData("""{"in_features":64,"out_features":5,"module_input_name":"token_embeddings"}""", "module_input_name 'token_embeddings'")]
    [InlineData(null, "2_Dense/config.json: is missing")]
    public void Open_RefusesADenseModule(string? dense, string part)
    {
        using EditedModel model = WithDense(dense);
        Assert.Contains(part, model.Refusal(), StringComparison.Ordinal);
    }

    // It does nothing to what is inferred, and has no files.
    [Theory]
    [InlineData("Transformer Pooling Dropout Normalize")]
    [InlineData("Transformer Pooling Normalize Dropout Dropout")]
    public void Open_PassesOverDropout(string types)
    {
        using EditedModel model = new EditedModel().Write("modules.json", Modules([.. types.Split(' ').Select(type => "sentence_transformers.models." + type)]))
            .Write("1_Pooling/config.json", """{"pooling_mode":"mean"}""");
        using ModelFolder opened = ModelFolder.Open(model.Path);
        Assert.IsType<NormalizeModule>(Assert.Single(opened.Network.Head));
        Assert.Equal((ModelKind.BiEncoder, 32), (opened.Kind, opened.OutputSize));
    }

    [Fact]
    public void Open_RefusesADenseModuleInAPickle()
    {
        using EditedModel model = WithDense("""{"in_features":64,"out_features":5}""");
        File.Move(model.File("2_Dense", "model.safetensors"), model.File("2_Dense", "pytorch_model.bin"));
        Assert.Contains("/2_Dense/pytorch_model.bin: ", model.Refusal(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sentence_transformers.models.Transformer sentence_transformers.models.CNN", "'sentence_transformers.models.CNN'")]
    [InlineData("sentence_transformers.models.Transformer", "no Pooling")]
    [InlineData("sentence_transformers.models.Pooling sentence_transformers.models.Transformer", "the modules are Pooling, Transformer")]
    [InlineData("x.Transformer x.Pooling x.Pooling", "the modules are Transformer, Pooling, Pooling")]
    public void Open_RefusesModules(string types, string part)
    {
        using EditedModel model = new EditedModel().Write("modules.json", Modules(types.Split(' ')));
        Assert.Contains(part, model.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_RefusesAModulePathThatLeadsOut()
    {
        using EditedModel model = new EditedModel().Write("modules.json", """[{"path":"../other","type":"x.Transformer"}]""");
        Assert.Contains("'../other'", model.Refusal(), StringComparison.Ordinal);
        using EditedModel zero = new EditedModel().Write("modules.json", """[{"path":"a\u0000","type":"x.Transformer"}]"""); // no system has such a name
        Assert.Contains("leads out of the model folder", zero.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_ReadsTheEncoderFromItsSubfolder()
    {
        using EditedModel model = new();
        Directory.CreateDirectory(model.File("0_BERT"));
        foreach (string name in new[] { "config.json", "model.safetensors" }) { File.Move(model.File(name), model.File("0_BERT", name)); }
        model.Write("modules.json", """[{"path":"0_BERT","type":"a.BERT.Transformer"},{"path":"1_Pooling","type":"a.Pooling"}]""")
            .Write("1_Pooling/config.json", """{"pooling_mode":"mean"}""");
        using ModelFolder opened = ModelFolder.Open(model.Path);
        Assert.Equal(Path.Combine(model.Path, "0_BERT", "model.safetensors"), Assert.Single(opened.WeightFiles));
    }
}
