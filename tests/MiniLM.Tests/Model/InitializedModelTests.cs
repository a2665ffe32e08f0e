using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Model;
using MiniLM.Tests.Weights;
using MiniLM.Text;
using MiniLM.Weights;

namespace MiniLM.Tests.Model;

public sealed unsafe class InitializedModelTests : IDisposable
{
    private const string Config = """
        {"model_type":"bert","vocab_size":200,"hidden_size":32,"num_hidden_layers":2,"num_attention_heads":4,"intermediate_size":64,
         "max_position_embeddings":64,"type_vocab_size":2,"pad_token_id":0,"mine":{"a":[1]}}
        """;

    private readonly TemporaryFolder _folder = new();

    private static JsonFile Json(string text = Config) => JsonFile.Parse(Encoding.UTF8.GetBytes(text), "config.json");

    private static float[] Values(InitializedModel model, string name) => model.Tensors.Single(tensor => tensor.Name == name).Source.ToFloats();

    [Fact]
    public void Log_IsThatOfMathematics()
    {
        for (double x = double.Epsilon * (1L << 53); x < 1e300; x *= 1.37)
        {
            Assert.True(Math.Abs(SeededNumbers.Log(x) - Math.Log(x)) <= 4e-16 * Math.Max(1, Math.Abs(Math.Log(x))), $"{x}");
        }
        Assert.Equal(0, SeededNumbers.Log(1));
    }

    // Expected by the same definition in Python: hashlib, Philox4x32-10 written from the paper, math.log.
    [Theory]
    [InlineData(7ul, "classifier.weight", .02, new[] { 0.02488745856742418, -0.0024695699317668135, 0.03979882426855228, -0.0024173159814827937,
        -0.02263335340344707, -0.0029322718795329063 })]
    [InlineData((1ul << 40) | 3, "a", 1.0, new[] { 0.2544194786674702, 1.7153197289843198, 0.6958046791893463, 0.567273120489117, -0.9501639861173184 })]
    public void Normals_AreTheFunctionOfSeedNameAndPlaceThatIsDocumented(ulong seed, string name, double deviation, double[] expected)
    {
        float[] values = new float[expected.Length];
        fixed (float* to = values) { SeededNumbers.FillNormal(seed, name, deviation, to, values.Length); }
        for (int i = 0; i < values.Length; i++) { Assert.Equal(expected[i], values[i], 1e-7 * deviation * 4); }
    }

    [Fact]
    public void Normals_AreNormal()
    {
        float[] values = new float[1_000_000];
        fixed (float* to = values) { SeededNumbers.FillNormal(1, "weight", 1, to, values.Length); }
        double Share(double below) => values.Count(value => value < below) / (double)values.Length;
        Assert.Equal(0, values.Average(value => (double)value), .003);
        Assert.Equal(1, Math.Sqrt(values.Average(value => (double)value * value)), .003);
        Assert.Equal(0, Enumerable.Range(1, values.Length - 1).Average(i => (double)values[i] * values[i - 1]), .004);
        // Values of the distribution function at -3, -1, .5 and 2.
        Assert.Equal(.0013499, Share(-3), .0002);
        Assert.Equal(.1586553, Share(-1), .002);
        Assert.Equal(.6914625, Share(.5), .002);
        Assert.Equal(.9772499, Share(2), .0008);
    }

    [Fact]
    public void Create_InitialisesAsTransformersDoes()
    {
        using InitializedModel model = InitializedModel.Create(Json(), null, 1);
        float[] words = Values(model, "embeddings.word_embeddings.weight");
        Assert.All(words[..32], value => Assert.Equal(0, value));
        Assert.Equal(.02, Math.Sqrt(words[32..].Average(value => (double)value * value)), .001);
        Assert.All(Values(model, "encoder.layer.1.output.LayerNorm.weight"), value => Assert.Equal(1, value));
        Assert.All(Values(model, "embeddings.LayerNorm.bias"), value => Assert.Equal(0, value));
        Assert.All(Values(model, "encoder.layer.0.attention.self.query.bias"), value => Assert.Equal(0, value));
        Assert.NotEqual(0, Values(model, "embeddings.position_embeddings.weight")[0]);
        Assert.NotEqual(Values(model, "encoder.layer.0.attention.self.key.weight"), Values(model, "encoder.layer.1.attention.self.key.weight"));
        Assert.Equal(32, Values(model, "pooler.dense.bias").Length); // which BertModel has, and a bi-encoder does not use
        JsonObject config = JsonNode.Parse(model.ConfigJson)!.AsObject();
        Assert.Equal("BertModel", (string)config["architectures"]![0]!);
        Assert.Equal("""{"a":[1]}""", config["mine"]!.ToJsonString());
        Assert.Equal([.1, .1, .02], ((string[])["hidden_dropout_prob", "attention_probs_dropout_prob", "initializer_range"])
            .Select(key => (double)config[key]!));
    }

    [Fact]
    public void Create_HeedsTheConfigsOwnNumbers()
    {
        using InitializedModel model = InitializedModel.Create(
            Json(Config.Replace("\"pad_token_id\":0", "\"pad_token_id\":5,\"initializer_range\":0.5,\"hidden_dropout_prob\":0.3")), 3, 1);
        float[] words = Values(model, "bert.embeddings.word_embeddings.weight");
        Assert.All(words[160..192], value => Assert.Equal(0, value));
        Assert.Equal(.5, Math.Sqrt(words[192..].Average(value => (double)value * value)), .03);
        Assert.Equal(.3f, model.Network.Config.HiddenDropout);
        Assert.Equal(.3f, ((DenseModule)model.Network.Head[1]).Dropout);
    }

    [Fact]
    public void Create_WithLabelsIsAClassifierUnderItsNames()
    {
        string old = Config.Replace("\"mine\"", "\"id2label\":{\"0\":\"old\"},\"num_labels\":7,\"mine\"");
        using InitializedModel model = InitializedModel.Create(Json(old), 3, 1);
        Assert.Equal(96, Values(model, "classifier.weight").Length);
        Assert.All(Values(model, "classifier.bias"), value => Assert.Equal(0, value));
        Assert.Contains(model.Tensors, tensor => tensor.Name == "bert.pooler.dense.weight");
        Assert.All(model.Tensors, tensor => Assert.True(tensor.Name.StartsWith("bert.", StringComparison.Ordinal) || tensor.Name.StartsWith("classifier.")));
        Assert.Equal(["LABEL_0", "LABEL_1", "LABEL_2"], model.Config.Labels);
        JsonObject config = JsonNode.Parse(model.ConfigJson)!.AsObject();
        Assert.Equal("BertForSequenceClassification", (string)config["architectures"]![0]!);
        Assert.Equal(2, (int)config["label2id"]!["LABEL_2"]!);
        Assert.False(config.ContainsKey("num_labels"));
        Assert.Equal("torch.nn.modules.linear.Identity", (string)config["sentence_transformers"]!["activation_fn"]!);
        using InitializedModel encoder = InitializedModel.Create(Json(), null, 1);
        Assert.Equal(Values(encoder, "embeddings.word_embeddings.weight"), Values(model, "bert.embeddings.word_embeddings.weight"));
        using InitializedModel other = InitializedModel.Create(Json(), 3, 2);
        Assert.NotEqual(Values(other, "classifier.weight"), Values(model, "classifier.weight"));
    }

    [Fact]
    public void Create_KeepsLabelNamesOfTheSameNumber()
    {
        using InitializedModel model = InitializedModel.Create(Json(Config.Replace("\"mine\"", "\"id2label\":{\"0\":\"no\",\"1\":\"yes\"},\"mine\"")), 2, 1);
        Assert.Equal(["no", "yes"], model.Config.Labels);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-0.1")]
    [InlineData("1.5")]
    [InlineData("\"x\"")]
    public void Create_RefusesARangeThatIsNone(string range) =>
        Assert.Contains("initializer_range", Assert.Throws<ModelFormatException>(
            () => InitializedModel.Create(Json(Config.Replace("\"mine\"", $"\"initializer_range\":{range},\"mine\"")), null, 1)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Create_OfDistilBertHasItsNames()
    {
        using InitializedModel model = InitializedModel.Create(
            Json("""{"model_type":"distilbert","vocab_size":200,"dim":32,"n_layers":2,"n_heads":4,"hidden_dim":64,"max_position_embeddings":64}"""), 1, 1);
        Assert.Contains(model.Tensors, tensor => tensor.Name == "pre_classifier.weight");
        Assert.Contains(model.Tensors, tensor => tensor.Name == "distilbert.transformer.layer.1.ffn.lin2.weight");
        Assert.All(Values(model, "distilbert.transformer.layer.1.sa_layer_norm.weight"), value => Assert.Equal(1, value));
        Assert.DoesNotContain(model.Tensors, tensor => tensor.Name.Contains("pooler", StringComparison.Ordinal));
        Assert.Contains("\"dropout\": 0.1", Encoding.UTF8.GetString(model.ConfigJson), StringComparison.Ordinal);
    }

    [Fact]
    public void Classifier_KeepsEncoderAndPoolerAndMakesTheHead()
    {
        using ModelFolder encoder = ModelFolder.Open(FixtureFolder.Path("models", "bert"));
        using InitializedModel model = InitializedModel.Classifier(encoder, 2, 7);
        Assert.Same(encoder.Network.Encoder.Layers[1].Up.Weight, model.Network.Encoder.Layers[1].Up.Weight);
        Assert.Same(encoder.Tensors.Single(tensor => tensor.Name == "pooler.dense.weight"), ((DenseModule)model.Network.Head[0]).Linear.Weight);
        Assert.Equal(.1f, ((DenseModule)model.Network.Head[1]).Dropout);
        Assert.Equal(2, model.Network.OutputSize);
        Assert.Equal(0.0248874586f, Values(model, "classifier.weight")[0], 1e-8f);
        NewModelFolder.Write(model, NewModelFolder.TokenizerFiles(encoder), encoder.Path, _folder.File("out"), new());
        using ModelFolder written = ModelFolder.Open(_folder.File("out"));
        Assert.Equal((ModelKind.CrossEncoder, 2, true), (written.Kind, written.OutputSize, written.ActivationIsStored));
        foreach (StoredTensor tensor in model.Tensors)
        {
            Assert.Equal(tensor.Source.ToFloats(), written.Tensors.Single(other => other.Name == tensor.Name).ToFloats());
        }
    }

    [Fact]
    public void Classifier_MakesAPoolerWhereThereIsNone()
    {
        using EditedModel edited = new();
        edited.Tensors(tensor => tensor.Name.StartsWith("pooler", StringComparison.Ordinal) ? null : new(tensor));
        using ModelFolder encoder = ModelFolder.Open(edited.Path);
        using InitializedModel model = InitializedModel.Classifier(encoder, 1, 7);
        Assert.Equal(.02, Math.Sqrt(Values(model, "bert.pooler.dense.weight").Average(value => (double)value * value)), .002);
        Assert.All(Values(model, "bert.pooler.dense.bias"), value => Assert.Equal(0, value));
    }

    [Fact]
    public void Classifier_IsNotMadeOfAClassifier()
    {
        using ModelFolder folder = ModelFolder.Open(FixtureFolder.Path("models", "bert_prefix"));
        Assert.Contains("is a classifier of 2 label(s) already",
            Assert.Throws<ModelFormatException>(() => InitializedModel.Classifier(folder, 1, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Classifier_OfTheRealModelKeepsItsPooler()
    {
        using ModelFolder encoder = ModelFolder.Open(SharedFolder.Require("models", "all-MiniLM-L6-v2"));
        using InitializedModel model = InitializedModel.Classifier(encoder, 1, 7);
        Assert.Same(encoder.Tensors.Single(tensor => tensor.Name == "pooler.dense.weight"), ((DenseModule)model.Network.Head[0]).Linear.Weight);
        Assert.DoesNotContain(model.Tensors, tensor => tensor.Name.Contains("position_ids", StringComparison.Ordinal));
    }

    [Fact]
    public void TokenizerFiles_SayTheSameInBothForms()
    {
        string vocabulary = FixtureFolder.Path("models", "bert", "vocab.txt");
        foreach ((string name, byte[] bytes) in NewTokenizerFiles.Make(vocabulary, 64, out WordPieceTokenizer read))
        {
            File.WriteAllBytes(_folder.File(name), bytes);
            Assert.Equal(64, read.ModelMaxLength ?? 64);
        }
        Assert.Equal(File.ReadAllBytes(vocabulary), File.ReadAllBytes(_folder.File("vocab.txt")));
        WordPieceTokenizer json = WordPieceTokenizer.Load(_folder.Path);
        File.Delete(_folder.File("tokenizer.json"));
        WordPieceTokenizer text = WordPieceTokenizer.Load(_folder.Path);
        Assert.Equal((text.VocabularySize, text.PadTokenId, 64), (json.VocabularySize, json.PadTokenId, json.ModelMaxLength));
        foreach (string one in new[] { "One two, THREE!", "[CLS] of the [MASK] déjà 漢字 zzz", "" })
        {
            Assert.Equal(text.Encode(one).Ids.ToArray(), json.Encode(one).Ids.ToArray());
            Assert.Equal(text.Encode(one, "two of").TypeIds.ToArray(), json.Encode(one, "two of").TypeIds.ToArray());
        }
    }

    [Fact]
    public void TokenizerFiles_KeepTheSettingsBesideTheVocabulary()
    {
        File.Copy(FixtureFolder.Path("models", "bert", "vocab.txt"), _folder.File("vocab.txt"));
        File.WriteAllText(_folder.File("tokenizer_config.json"), """{"do_lower_case":false,"strip_accents":true,"tokenize_chinese_chars":false}""");
        Dictionary<string, byte[]> files = NewTokenizerFiles.Make(_folder.File("vocab.txt"), 64, out _);
        JsonElement normalizer = JsonDocument.Parse(files["tokenizer.json"]).RootElement.GetProperty("normalizer");
        Assert.False(normalizer.GetProperty("lowercase").GetBoolean());
        Assert.True(normalizer.GetProperty("strip_accents").GetBoolean());
        Assert.False(normalizer.GetProperty("handle_chinese_chars").GetBoolean());
        JsonElement config = JsonDocument.Parse(files["tokenizer_config.json"]).RootElement;
        Assert.False(config.GetProperty("do_lower_case").GetBoolean());
        Assert.Equal(64, config.GetProperty("model_max_length").GetInt32());
    }

    [Theory]
    [InlineData("[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "mask_token '[MASK]'")]
    [InlineData("[UNK]\n[CLS]\n[SEP]\n[MASK]\n", "pad_token '[PAD]'")]
    public void TokenizerFiles_NeedEverySpecialToken(string vocabulary, string part)
    {
        File.WriteAllText(_folder.File("vocab.txt"), vocabulary);
        Assert.Contains(part, Assert.Throws<TokenizerException>(() => NewTokenizerFiles.Make(_folder.File("vocab.txt"), 64, out _)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void TokenizerFiles_RefuseWhatIsNoListOfTokens()
    {
        File.WriteAllBytes(_folder.File("vocab.txt"), [.. "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"u8, 0xff, (byte)'\n']);
        Assert.Contains("not UTF-8", Assert.Throws<TokenizerException>(() => NewTokenizerFiles.Make(_folder.File("vocab.txt"), 64, out _)).Message,
            StringComparison.Ordinal);
        Assert.Contains("vocab.txt, one token a line",
            Assert.Throws<TokenizerException>(() => NewTokenizerFiles.Make(_folder.Path, 64, out _)).Message, StringComparison.Ordinal);
    }

    private string Kept(string source, params int[] layers)
    {
        using ModelFolder model = ModelFolder.Open(source);
        ModelFolderWriter.Write(model, _folder.File("kept"), new() { Layers = new KeptLayers(model, layers), Overwrite = true });
        return _folder.File("kept");
    }

    [Theory]
    [InlineData("bert", "")]
    [InlineData("bert_prefix", "bert.")]
    public void KeptLayers_AreRenumberedAndAllElseIsTheSameBytes(string name, string prefix)
    {
        string source = FixtureFolder.Path("models", name), output = Kept(source, 0, 2);
        using ModelFolder before = ModelFolder.Open(source), after = ModelFolder.Open(output);
        string Moved(string tensor) => tensor.Replace($"{prefix}encoder.layer.1.", $"{prefix}encoder.layer.2.", StringComparison.Ordinal);
        Assert.Equal(before.Tensors.Count - 16, after.Tensors.Count);
        foreach (Tensor tensor in after.Tensors)
        {
            Tensor moved = before.Tensors.Single(other => other.Name == Moved(tensor.Name));
            Assert.True(SafetensorsFileTests.Bytes(tensor).SequenceEqual(SafetensorsFileTests.Bytes(moved)), tensor.Name);
        }
        string text = File.ReadAllText(Path.Combine(source, "config.json"));
        Assert.Equal(text.Replace("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2"), File.ReadAllText(Path.Combine(output, "config.json")));
        Assert.Equal(File.ReadAllBytes(Path.Combine(source, "vocab.txt")), File.ReadAllBytes(Path.Combine(output, "vocab.txt")));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(0, 1, 9)]
    public void KeptLayers_AreThoseOfTheModel(params int[] layers) =>
        Assert.Contains($"has no layer {layers[^1]}: it has 3, numbered from 0",
            Assert.Throws<ModelFormatException>(() => Kept(FixtureFolder.Path("models", "bert"), layers)).Message, StringComparison.Ordinal);

    [Fact]
    public void KeptLayers_OfTheRealModelComputeWhatItsLayersDo()
    {
        string source = SharedFolder.Require("models", "all-MiniLM-L6-v2"), output = Kept(source, 0, 2, 4);
        using ModelFolder before = ModelFolder.Open(source), after = ModelFolder.Open(output);
        LayerWeights[] layers = before.Network.Encoder.Layers;
        Network three = before.Network with
        {
            Config = before.Network.Config with { NumHiddenLayers = 3 },
            Encoder = before.Network.Encoder with { Layers = [layers[0], layers[2], layers[4]] },
        };
        Assert.Equal(Hidden(three), Hidden(after.Network));
        Assert.NotEqual(Hidden(three), Hidden(before.Network));

        static float[] Hidden(Network network)
        {
            using ReferenceDevice device = new();
            using DeviceNetwork loaded = device.Load(network, Precision.Float32);
            PackedBatch batch = new();
            batch.Add([101, 7592, 2088, 102], [], network.Config.Architecture);
            float[] hidden = new float[4 * network.Config.HiddenSize];
            loaded.Hidden(batch, network.Config.NumHiddenLayers, hidden);
            return hidden;
        }
    }

    public void Dispose() => _folder.Dispose();
}
