using MiniLM.Weights;

namespace MiniLM.Tests.Model;

public sealed class ModelFolderRefusalTests
{
    [Theory]
    [InlineData("model_type", "\"roberta\"", "model_type 'roberta'")]
    [InlineData("model_type", "\"xlm-roberta\"", "model_type 'xlm-roberta'")]
    [InlineData("model_type", null, "'model_type'")]
    [InlineData("model_type", "7", "model_type is '7'")]
    [InlineData("position_embedding_type", "\"relative_key\"", "position_embedding_type 'relative_key'")]
    [InlineData("is_decoder", "true", "is_decoder")]
    [InlineData("hidden_act", "\"mish\"", "hidden_act 'mish'")]
    [InlineData("hidden_size", null, "'hidden_size'")]
    [InlineData("hidden_size", "0", "hidden_size is '0'")]
    [InlineData("hidden_size", "-32", "hidden_size is '-32'")]
    [InlineData("hidden_size", "32.5", "hidden_size is '32.5'")]
    [InlineData("hidden_size", "4294967328", "hidden_size is '4294967328'")]
    [InlineData("hidden_size", "\"32\"", "hidden_size is")]
    [InlineData("num_attention_heads", "5", "hidden_size 32 is not a multiple of num_attention_heads 5")]
    [InlineData("num_attention_heads", "0", "num_attention_heads is '0'")]
    [InlineData("num_hidden_layers", "1000000", "num_hidden_layers is '1000000'")]
    [InlineData("vocab_size", "2000000000", "vocab_size is '2000000000'")]
    [InlineData("type_vocab_size", "1000", "type_vocab_size is '1000'")]
    [InlineData("layer_norm_eps", "0", "layer_norm_eps is '0'")]
    [InlineData("layer_norm_eps", "\"small\"", "layer_norm_eps is")]
    [InlineData("id2label", "{\"1\":\"a\"}", "id2label has the key '1'")]
    [InlineData("id2label", "{\"0\":7}", "id2label is '7'")]
    [InlineData("id2label", "[]", "id2label is '[]'")]
    [InlineData("architectures", "\"BertModel\"", "architectures is")]
    [InlineData("relative_attention_num_buckets", "64", "relative_attention_num_buckets 64")]
    [InlineData("intermediate_size", "65", "config.json says [65, 32] (intermediate_size, hidden_size)")]
    [InlineData("vocab_size", "201", "'embeddings.word_embeddings.weight' is [200, 32], config.json says [201, 32] (vocab_size, hidden_size)")]
    [InlineData("num_hidden_layers", "4", "has no tensor 'encoder.layer.3.attention.self.query.weight'")]
    public void Open_RefusesAConfigByKeyAndValue(string key, string? json, string part)
    {
        using EditedModel model = new EditedModel().Config(key, json);
        Assert.Contains(part, model.Refusal(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "config.json: not JSON")]
    [InlineData("[]", "config.json: is Array")]
    [InlineData("{\"model_type\": ", "config.json: not JSON")]
    [InlineData("{\"\\ud800\": 1}", "config.json: not JSON: the text at byte 1 has half a surrogate pair")]
    [InlineData("{\"a\": \"b\\udfff\"}", "config.json: not JSON: the text at byte 6 has half a surrogate pair")]
    public void Open_RefusesAConfigThatIsNoObject(string json, string part)
    {
        using EditedModel model = new EditedModel().Write("config.json", json);
        Assert.Contains(part, model.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_RefusesAMissingTensorByName()
    {
        using EditedModel model = new EditedModel()
            .Tensors(tensor => tensor.Name.EndsWith("2.output.dense.bias", StringComparison.Ordinal) ? null : new(tensor));
        Assert.Contains("model.safetensors: has no tensor 'encoder.layer.2.output.dense.bias'", model.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public unsafe void Open_RefusesAnIntegerWeightByName()
    {
        using EditedModel model = new EditedModel().Tensors(tensor => tensor.Name != "embeddings.LayerNorm.bias" ? new(tensor)
            : new StoredTensor(new Tensor(tensor.Name, ElementType.I32, tensor.Shape.ToArray(), tensor.Data, tensor.LengthBytes, tensor.File)));
        Assert.Contains("'embeddings.LayerNorm.bias' is stored as I32", model.Refusal(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("classifier.weight")]
    [InlineData("classifier.bias")]
    [InlineData("bert.pooler.dense.weight")]
    public void Open_RefusesACrossEncoderWithoutItsHead(string name)
    {
        using EditedModel model = new EditedModel("bert_prefix").Tensors(tensor => tensor.Name == name ? null : new(tensor));
        Assert.Contains($"'{name}'", model.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_ABiEncoderNeedsNoPooler()
    {
        using EditedModel model = new EditedModel().Tensors(tensor => tensor.Name.StartsWith("pooler", StringComparison.Ordinal) ? null : new(tensor));
        using MiniLM.Model.ModelFolder opened = MiniLM.Model.ModelFolder.Open(model.Path);
        Assert.Equal(32, opened.OutputSize);
    }

    [Fact]
    public void Open_RefusesAPickleAndSaysHowToConvert()
    {
        using EditedModel model = new();
        File.Move(model.File("model.safetensors"), model.File("pytorch_model.bin"));
        string message = model.Refusal();
        Assert.Contains("/pytorch_model.bin: ", message, StringComparison.Ordinal);
        Assert.Contains("save_pretrained", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_WithoutWeightsSaysWhichFilesItLookedFor()
    {
        using EditedModel model = new();
        File.Delete(model.File("model.safetensors"));
        Assert.Contains("model.safetensors, model.safetensors.index.json", model.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_WithoutAConfigSaysSo()
    {
        using EditedModel model = new();
        File.Delete(model.File("config.json"));
        Assert.Contains("has no config.json", model.Refusal(), StringComparison.Ordinal);
    }
}
