using MiniLM.Model;

namespace MiniLM.Tests.Model;

public sealed class SentenceSettingsTests
{
    [Theory]
    [InlineData("bert", """{"max_seq_length":20}""", null, 20)]
    [InlineData("bert", """{"max_seq_length":512}""", null, 64)]
    [InlineData("bert", """{"max_seq_length":null}""", """{"model_max_length":32}""", 32)]
    [InlineData("bert", null, """{"model_max_length":32}""", 32)]
    [InlineData("bert", null, """{"model_max_length":1000000000000000019884624838656}""", 64)]
    [InlineData("bert", null, null, 64)]
    [InlineData("bert_prefix", """{"max_seq_length":20}""", """{"model_max_length":32}""", 32)]
    [InlineData("bert_prefix", null, """{"model_max_length":512}""", 64)]
    public void Open_DecidesTheLongestInput(string fixture, string? sentence, string? tokenizer, int expected)
    {
        using EditedModel model = new(fixture);
        if (sentence is not null) { model.Write("sentence_bert_config.json", sentence); }
        if (tokenizer is not null) { model.Write("tokenizer_config.json", tokenizer); }
        using ModelFolder opened = ModelFolder.Open(model.Path);
        Assert.Equal(expected, opened.MaxSequenceLength);
    }

    [Theory]
    [InlineData(null, null, null, 1, ClassifierActivation.Sigmoid, false)]
    [InlineData(null, null, null, 2, ClassifierActivation.Identity, false)]
    [InlineData(null, null, "torch.nn.modules.linear.Identity", 2, ClassifierActivation.Identity, true)]
    [InlineData(null, "torch.nn.modules.activation.Sigmoid", "torch.nn.modules.linear.Identity", 2, ClassifierActivation.Sigmoid, true)]
    [InlineData("torch.nn.modules.linear.Identity", "torch.nn.modules.activation.Sigmoid", null, 2, ClassifierActivation.Identity, true)]
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
    }

    private static unsafe MiniLM.Weights.Tensor FirstRow(MiniLM.Weights.Tensor tensor)
    {
        long[] shape = [1, .. tensor.Shape[1..]];
        return new(tensor.Name, tensor.ElementType, shape, tensor.Data, tensor.LengthBytes / tensor.Shape[0], tensor.File);
    }

    [Fact]
    public void Open_RefusesAnUnknownActivation()
    {
        using EditedModel model = new EditedModel("bert_prefix").Config("sbert_ce_default_activation_function", "\"torch.nn.Softmax\"");
        Assert.Contains("'torch.nn.Softmax'", model.Refusal(), StringComparison.Ordinal);
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

    [Theory]
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
