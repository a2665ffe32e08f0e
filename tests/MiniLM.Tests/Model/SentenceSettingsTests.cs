using MiniLM.Model;

namespace MiniLM.Tests.Model;

public sealed class SentenceSettingsTests
{
    [Theory]
    [InlineData("modules", """{"max_seq_length":20}""", null, 20)]
    [InlineData("modules", """{"max_seq_length":512}""", null, 64)]
    [InlineData("modules", """{"max_seq_length":null}""", """{"model_max_length":32}""", 32)]
    [InlineData("modules", """{"max_seq_length":20,"tokenizer_args":{"model_max_length":7}}""", null, 7)]
    [InlineData("modules", """{"max_seq_length":20,"processor_kwargs":{"model_max_length":9}}""", null, 9)]
    [InlineData("modules", """{"processor_kwargs":{"model_max_length":9},"tokenizer_args":{"model_max_length":11}}""", null, 11)]
    [InlineData("modules", """{"tokenizer_args":{"model_max_length":700}}""", """{"model_max_length":32}""", 64)]
    [InlineData("modules", """{"tokenizer_args":{}}""", """{"model_max_length":32}""", 32)]
    [InlineData("bert", """{"max_seq_length":20}""", """{"model_max_length":32}""", 32)] // without modules.json nobody looks at it
    [InlineData("bert", null, """{"model_max_length":32}""", 32)]
    [InlineData("bert", null, """{"model_max_length":1000000000000000019884624838656}""", 64)]
    [InlineData("bert", null, null, 64)]
    [InlineData("bert_prefix", """{"max_seq_length":20}""", """{"model_max_length":32}""", 32)]
    [InlineData("bert_prefix", null, """{"model_max_length":512}""", 64)]
    public void Open_DecidesTheLongestInput(string fixture, string? sentence, string? tokenizer, int expected)
    {
        using EditedModel model = fixture == "modules" ? WithModules() : new(fixture);
        if (sentence is not null) { model.Write("sentence_bert_config.json", sentence); }
        if (tokenizer is not null) { model.Write("tokenizer_config.json", tokenizer); }
        using ModelFolder opened = ModelFolder.Open(model.Path);
        Assert.Equal(expected, opened.MaxSequenceLength);
    }

    private static EditedModel WithModules() => new EditedModel("bert").Write("modules.json", """
        [{"type":"sentence_transformers.models.Transformer","path":""},{"type":"sentence_transformers.models.Pooling","path":"1_Pooling"}]
        """).Write("1_Pooling/config.json", """{"pooling_mode":"mean"}""");

    [Theory]
    [InlineData("sentence_distilbert_config.json", "sentence_roberta_config.json", 8)] // in the order of sentence-transformers, not of the letters
    [InlineData("sentence_roberta_config.json", "sentence_bert_config.json", 8)]
    [InlineData("sentence_xlnet_config.json", "sentence_xlm-roberta_config.json", 8)]
    public void Open_TakesTheFirstOfTheSevenNames(string later, string earlier, int expected)
    {
        using EditedModel model = WithModules().Write(later, """{"max_seq_length":5}""").Write(earlier, """{"max_seq_length":8}""");
        using (ModelFolder opened = ModelFolder.Open(model.Path)) { Assert.Equal((expected, false), (opened.MaxSequenceLength, opened.LowersCase)); }
        model.Write(earlier, "{}").Write(later, """{"max_seq_length":5,"do_lower_case":true}""");
        using ModelFolder second = ModelFolder.Open(model.Path);
        Assert.Equal((5, true), (second.MaxSequenceLength, second.LowersCase)); // a file that says nothing does not count
    }

    [Theory]
    [InlineData(null, null, null, 1, ClassifierActivation.Sigmoid, false)]
    [InlineData(null, null, null, 2, ClassifierActivation.Identity, false)]
    [InlineData(null, null, "torch.nn.modules.linear.Identity", 2, ClassifierActivation.Identity, true)]
    [InlineData(null, "torch.nn.modules.activation.Sigmoid", "torch.nn.modules.linear.Identity", 2, ClassifierActivation.Sigmoid, true)]
    [InlineData("torch.nn.modules.linear.Identity", "torch.nn.modules.activation.Sigmoid", null, 2, ClassifierActivation.Identity, true)]
    [InlineData(null, null, "torch.nn.Softmax", 2, ClassifierActivation.Softmax, true)]
    [InlineData("mine.Act", "torch.nn.modules.activation.Softmax", null, 2, ClassifierActivation.Softmax, true)]
    [InlineData(null, "mine.Act", null, 2, ClassifierActivation.Identity, false)]
    [InlineData(null, "mine.Act", null, 1, ClassifierActivation.Sigmoid, false)]
    public void Open_TakesTheFirstStoredActivation(string? newest, string? newer, string? old, int labels, ClassifierActivation expected, bool stored)
    {
        using EditedModel model = new("bert_prefix");
        if (newest is not null) { model.Write("config_sentence_transformers.json", $$"""{"activation_fn":"{{newest}}"}"""); }
        if (newer is not null) { model.Config("sentence_transformers", $$"""{"activation_fn":"{{newer}}"}"""); }
        if (old is not null) { model.Config("sbert_ce_default_activation_function", $"\"{old}\""); }
        if (labels == 1)
        {
            model.Config("id2label", """{"0":"relevant"}""").Tensors(tensor => !tensor.Name.StartsWith("classifier.", StringComparison.Ordinal)
                ? new(tensor) : new(FirstRow(tensor)));
        }
        using ModelFolder opened = ModelFolder.Open(model.Path);
        Assert.Equal((expected, stored), (opened.ClassifierActivation, opened.ActivationIsStored));
        Assert.Equal(labels, opened.OutputSize);
        Assert.Equal(labels, opened.Labels.Count);
        Assert.Equal(newest == "mine.Act" || newer == "mine.Act", opened.Notes.Any(note => note.Contains("'mine.Act'", StringComparison.Ordinal)));
    }

    private static unsafe MiniLM.Weights.Tensor FirstRow(MiniLM.Weights.Tensor tensor)
    {
        long[] shape = [1, .. tensor.Shape[1..]];
        return new(tensor.Name, tensor.ElementType, shape, tensor.Data, tensor.LengthBytes / tensor.Shape[0], tensor.File);
    }

    [Fact]
    public void Open_RefusesAnUnknownActivation()
    {
        using EditedModel model = new EditedModel("bert_prefix").Config("sbert_ce_default_activation_function", "\"torch.nn.Tanh\"");
        Assert.Contains("'torch.nn.Tanh'", model.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_ReadsPromptsAndSimilarity()
    {
        using EditedModel model = new EditedModel().Write("config_sentence_transformers.json",
            """{"prompts":{"query":"query: ","document":""},"default_prompt_name":"query","similarity_fn_name":"dot"}""");
        using ModelFolder opened = ModelFolder.Open(model.Path);
        Assert.Equal("query: ", opened.Prompts["query"]);
        Assert.Equal("query", opened.DefaultPromptName);
        Assert.Equal(SimilarityFunction.Dot, opened.SimilarityFunction);
    }

    [Fact]
    public void Open_TakesANullPromptForNoneAndCutsVectorsWhereItIsTold()
    {
        using EditedModel model = new EditedModel().Write("config_sentence_transformers.json",
            """{"prompts":{"query":null},"default_prompt_name":null,"similarity_fn_name":null,"truncate_dim":8}""");
        using ModelFolder opened = ModelFolder.Open(model.Path);
        Assert.Equal(("", SimilarityFunction.Cosine, 8), (opened.Prompts["query"], opened.SimilarityFunction, opened.TruncateDim));
    }

    [Theory]
    [InlineData("""{"truncate_dim":0}""", "truncate_dim is '0'")]
    [InlineData("""{"default_prompt_name":"query"}""", "default_prompt_name 'query'")]
    [InlineData("""{"prompts":[]}""", "prompts is")]
    [InlineData("""{"prompts":{"query":1}}""", "prompts.query is '1'")]
    [InlineData("""{"similarity_fn_name":"jaccard"}""", "similarity_fn_name 'jaccard'")]
    public void Open_RefusesSettingsByKeyAndValue(string json, string part)
    {
        using EditedModel model = new EditedModel().Write("config_sentence_transformers.json", json);
        Assert.Contains(part, model.Refusal(), StringComparison.Ordinal);
    }
}
