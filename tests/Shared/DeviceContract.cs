using System.Text.Json;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Weights;

namespace MiniLM.Tests;

/// <summary>What every device must do: the golden forward passes within the tolerances of their README, and the same bits whatever the batch.</summary>
public abstract class DeviceContract
{
    /// <summary>A device for one test.</summary>
    protected abstract Device Open();

    /// <summary>Rows beyond which a case takes this device too long.</summary>
    protected abstract int MostRows { get; }

    public static TheoryData<string> TinyFolders()
    {
        var folders = new TheoryData<string>();
        if (SharedFolder.Root is null) { folders.Add(""); return folders; }
        string index = Path.Combine(SharedFolder.Root, "golden", "forward", "tiny", "index.json");
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(index));
        foreach (JsonElement entry in json.RootElement.EnumerateArray()) { folders.Add(entry.GetProperty("name").GetString()!); }
        return folders;
    }

    /// <summary>Tiny folders of architectures that the engine runs.</summary>
    /// <remarks>The others are refused by name, which <see cref="TinyModel_EveryLayerPoolerAndHead"/> asserts.</remarks>
    internal static TheoryData<string> RunTinyFolders()
    {
        if (SharedFolder.Root is null) { return TinyFolders(); }
        return [.. TinyFolders().Where(row => IsRun(Path.Combine(SharedFolder.Root, "golden", "forward", "tiny", row.Data))).Select(row => row.Data)];
    }

    private static bool IsRun(string folder)
    {
        using JsonDocument config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        return config.RootElement.GetProperty("model_type").GetString() is "bert" or "mpnet" or "distilbert";
    }

    /// <summary>The values expected of a tiny folder: another folder's where the weights are the same in another form.</summary>
    internal static Golden TinyGolden(string name)
    {
        string tiny = SharedFolder.Require("golden", "forward", "tiny");
        using JsonDocument index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(tiny, "index.json")));
        JsonElement entry = index.RootElement.EnumerateArray().Single(entry => entry.GetProperty("name").GetString() == name);
        return new Golden(Path.Combine(tiny, entry.GetProperty("expected").GetString()!));
    }

    public static TheoryData<string> RealCases()
    {
        var cases = new TheoryData<string>();
        if (SharedFolder.Root is null) { cases.Add(""); return cases; }
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(SharedFolder.Root, "golden", "forward", "minilm.json")));
        foreach (JsonProperty entry in json.RootElement.GetProperty("cases").EnumerateObject()) { cases.Add(entry.Name); }
        return cases;
    }

    [Theory, MemberData(nameof(TinyFolders))]
    public void TinyModel_EveryLayerPoolerAndHead(string name)
    {
        string folder = SharedFolder.Require("golden", "forward", "tiny", name);
        using JsonDocument config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        string type = config.RootElement.GetProperty("model_type").GetString()!;
        if (!IsRun(folder))
        {
            Assert.Contains(type, Assert.Throws<ModelFormatException>(() => ModelFolder.Open(folder)).Message, StringComparison.Ordinal);
            return;
        }
        using ModelFolder model = ModelFolder.Open(folder);
        using Golden golden = TinyGolden(name);
        using Device device = Open();
        int compared = 0;
        foreach (string prefix in golden.Prefixes())
        {
            compared += CompareHidden(device, model.Network, golden, prefix, 5e-5);
            compared += CompareOutput(device, model.Network, golden, prefix, "logits", 5e-5);
            // mpnet's pooler uses the same formula as BERT's: a head of one dense module over the first token.
            if (Pooler(model) is { } pooler) { compared += CompareOutput(device, pooler, golden, prefix, "pooler_output", 5e-5); }
        }
        Assert.True(compared > 0, $"nothing was compared for {name}");
    }

    [Theory, MemberData(nameof(RealCases))]
    public void RealModel_EveryLayerPoolingAndHead(string name)
    {
        using var golden = new Golden(SharedFolder.Require("golden", "forward", "minilm.safetensors"));
        using ModelFolder model = ModelFolder.Open(SharedFolder.Require("models", "all-MiniLM-L6-v2"));
        string prefix = name + ".";
        if (GoldenBatch.Read(golden, prefix, model.Network.Config).Batch.Rows > MostRows) { Assert.Skip($"skipped: {name} has more than {MostRows} rows"); }
        using Device device = Open();
        Network network = model.Network;
        int compared = CompareHidden(device, network, golden, prefix, 1e-5); // of the longest input none are stored
        compared += CompareOutput(device, network, golden, prefix, "sentence_embedding", 2e-6);
        compared += CompareOutput(device, Pooler(model)!, golden, prefix, "pooler_output", 2e-6);
        (string, PoolingMode)[] modes =
            [("mean", PoolingMode.Mean), ("cls", PoolingMode.Cls), ("max", PoolingMode.Max), ("mean_sqrt_len", PoolingMode.MeanSqrtLen)];
        foreach ((string pooled, PoolingMode mode) in modes)
        {
            compared += CompareOutput(device, network with { Pooling = [mode], Head = [] }, golden, prefix, pooled, 1e-5);
        }
        Assert.True(compared > 0, $"nothing was compared for {name}");
    }

    [Theory]
    [InlineData(1, 1, 1), InlineData(3, 5, 7), InlineData(2, 70, 33), InlineData(17, 3, 100), InlineData(1, 40, 384), InlineData(5, 33, 31)]
    public void Similarity_IsTheScalarProductOfEveryPairAndHasItsBitsAlone(int queries, int documents, int width)
    {
        using Device device = Open();
        var random = new Random(width);
        float[] q = Values(queries), d = Values(documents), scores = new float[queries * documents], alone = new float[1];
        Array.Fill(scores, float.NaN);
        device.Similarity(q, d, width, scores);
        for (int i = 0; i < scores.Length; i++)
        {
            ReadOnlySpan<float> query = q.AsSpan(i / documents * width, width), document = d.AsSpan(i % documents * width, width);
            double expected = 0, magnitude = 0;
            for (int k = 0; k < width; k++)
            {
                expected += (double)query[k] * document[k];
                magnitude += Math.Abs((double)query[k] * document[k]);
            }
            // A sum of n products in any order errs by at most n roundings of 2^-24 of the sum of magnitudes.
            GoldenBatch.AssertAll([expected], [scores[i]], width * Math.ScaleB(magnitude, -24), $"pair {i}");
            if (i % 7 > 0) { continue; }
            device.Similarity(query, document, width, alone);
            Assert.Equal(scores[i], alone[0]);
        }

        float[] Values(int rows) => [.. Enumerable.Range(0, rows * width).Select(_ => 2 * random.NextSingle() - 1)];
    }

    [Fact]
    public void Similarity_OfNothingIsNothing()
    {
        using Device device = Open();
        float[] scores = [7];
        device.Similarity([1, 2, 3], [], 3, scores.AsSpan(0, 0));
        device.Similarity([], [1, 2, 3], 3, scores.AsSpan(0, 0));
        Assert.Equal(7, scores[0]);
    }

    [Fact]
    public void SeveralPoolings_AreConcatenatedInOrder()
    {
        using ModelFolder model = ModelFolder.Open(Fixture("models", "bert"));
        using Device device = Open();
        PoolingMode[] modes = Enum.GetValues<PoolingMode>();
        PackedBatch batch = RandomBatch(model.Network.Config, [5, 1, 9], seed: 3);
        int hidden = model.Network.Config.HiddenSize;
        float[] all = Forward(device, model.Network with { Pooling = modes, Head = [] }, batch);
        for (int mode = 0; mode < modes.Length; mode++)
        {
            float[] one = Forward(device, model.Network with { Pooling = [modes[mode]], Head = [] }, batch);
            for (int sequence = 0; sequence < batch.Sequences; sequence++)
            {
                Assert.Equal(one.AsSpan(sequence * hidden, hidden).ToArray(), all.AsSpan((sequence * modes.Length + mode) * hidden, hidden).ToArray());
            }
        }
    }

    [Fact]
    public void Forward_GivesTheSameBitsAloneInAnyBatchAndInAnyOrder()
    {
        using ModelFolder model = ModelFolder.Open(Fixture("models", "bert"));
        using Device device = Open();
        using DeviceNetwork network = device.Load(model.Network, Precision.Float32);
        int[] lengths = [1, 2, 3, 13, 14, 15, 29, 64, 31, 33, 7, 7, 50, 64, 64, 1];
        PackedBatch batch = RandomBatch(model.Network.Config, lengths, seed: 11);
        int size = model.OutputSize;
        float[] together = new float[lengths.Length * size], alone = new float[size];
        network.Forward(batch, together);
        int[] order = [.. Enumerable.Range(0, lengths.Length)];
        new Random(5).Shuffle(order);
        var shuffled = new PackedBatch();
        foreach (int sequence in order) { Copy(batch, sequence, shuffled, model.Network.Config); }
        float[] inOrder = new float[together.Length];
        network.Forward(shuffled, inOrder);
        for (int i = 0; i < order.Length; i++)
        {
            var single = new PackedBatch();
            Copy(batch, order[i], single, model.Network.Config);
            network.Forward(single, alone);
            ReadOnlySpan<float> expected = together.AsSpan(order[i] * size, size);
            Assert.True(expected.SequenceEqual(alone), $"sequence {order[i]} differs alone");
            Assert.True(expected.SequenceEqual(inOrder.AsSpan(i * size, size)), $"sequence {order[i]} differs in another order");
        }
    }

    [Fact]
    public unsafe void Load_RefusesAWeightThatIsNotANumber()
    {
        using ModelFolder model = ModelFolder.Open(Fixture("models", "bert"));
        Tensor up = model.Network.Encoder.Layers[0].Up.Weight;
        float[] values = up.ToFloats();
        values[7] = float.NaN;
        fixed (float* damaged = values)
        {
            var tensor = new Tensor(up.Name, ElementType.F32, up.Shape.ToArray(), (byte*)damaged, values.Length * 4L, "model.safetensors");
            EncoderWeights weights = model.Network.Encoder;
            LayerWeights layer = weights.Layers[0] with { Up = weights.Layers[0].Up with { Weight = tensor } };
            Network network = model.Network with { Encoder = weights with { Layers = [layer, .. weights.Layers[1..]] } };
            using Device device = Open();
            string message = Assert.Throws<ModelFormatException>(() => device.Load(network, Precision.Float32)).Message;
            Assert.Contains(up.Name, message, StringComparison.Ordinal);
            Assert.Contains("element 7", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Forward_RefusesIdsOutsideTheirTables()
    {
        using ModelFolder model = ModelFolder.Open(Fixture("models", "bert"));
        using Device device = Open();
        using DeviceNetwork network = device.Load(model.Network, Precision.Float32);
        EncoderConfig config = model.Network.Config;
        float[] output = new float[model.OutputSize];
        (int Id, byte Type, int Length)[] bad = [(config.VocabSize, 0, 1), (-1, 0, 1), (1, (byte)config.TypeVocabSize, 1),
            (1, 0, config.MaxPositionEmbeddings + 1), (1, 0, 0)];
        foreach ((int id, byte type, int length) in bad)
        {
            var batch = new PackedBatch();
            batch.Add([.. Enumerable.Repeat(id, length)], [.. Enumerable.Repeat(type, length)], config.Architecture);
            Assert.Throws<ArgumentException>(() => network.Forward(batch, output));
        }
        network.Dispose();
        Assert.Throws<ObjectDisposedException>(() => network.Forward(RandomBatch(config, [3], 1), output));
    }

    internal static string Fixture(params string[] parts)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine([folder.FullName, "tests", "Fixtures", .. parts]);
            if (Path.Exists(path)) { return path; }
        }
        throw new FileNotFoundException("tests/Fixtures/" + string.Join('/', parts));
    }

    internal static PackedBatch RandomBatch(EncoderConfig config, int[] lengths, int seed) => RandomNetwork.Batch(config, lengths, seed);

    private static void Copy(PackedBatch from, int sequence, PackedBatch to, EncoderConfig config)
    {
        (int first, int length) = (from.Offsets[sequence], from.Length(sequence));
        to.Add(from.TokenIds.AsSpan(first, length), from.TypeIds.AsSpan(first, length), config.Architecture);
    }

    /// <summary>The model's pooler as a head, where its file has one: dense and tanh over the first token.</summary>
    private static Network? Pooler(ModelFolder model)
    {
        Tensor? Find(string name) => model.Tensors.FirstOrDefault(tensor => tensor.Name == name || tensor.Name.EndsWith("." + name, StringComparison.Ordinal));
        return Find("pooler.dense.weight") is not { } weight ? null
            : model.Network with { Pooling = [PoolingMode.Cls], Head = [new DenseModule(new Linear(weight, Find("pooler.dense.bias")), Activation.Tanh)] };
    }

    private static int CompareHidden(Device device, Network network, Golden golden, string prefix, double tolerance)
    {
        GoldenBatch batch = GoldenBatch.Read(golden, prefix, network.Config);
        using DeviceNetwork loaded = device.Load(network, Precision.Float32);
        int compared = 0, layers = network.Config.NumHiddenLayers;
        float[] hidden = new float[batch.Batch.Rows * network.Config.HiddenSize];
        for (int layer = 0; layer <= layers; layer++)
        {
            string padded = $"{prefix}hidden_{layer}", packed = layer == 0 ? prefix + "embeddings_packed" : prefix + "last_hidden_packed";
            if (layer == layers && !golden.Has(padded) && golden.Has(prefix + "last_hidden")) { padded = prefix + "last_hidden"; }
            bool isPacked = !golden.Has(padded) && golden.Has(packed) && layer is var at && (at == 0 || at == layers);
            if (!golden.Has(padded) && !isPacked) { continue; }
            loaded.Hidden(batch.Batch, layer, hidden);
            double[] expected = golden.Doubles(isPacked ? packed : padded), actual = GoldenBatch.Doubles(hidden);
            if (!isPacked) { expected = batch.Attended(expected, network.Config.HiddenSize); }
            GoldenBatch.AssertAll(expected, actual, tolerance * Math.Max(1, GoldenBatch.Largest(expected)), isPacked ? packed : padded);
            compared++;
        }
        return compared;
    }

    private static int CompareOutput(Device device, Network network, Golden golden, string prefix, string name, double tolerance)
    {
        if (!golden.Has(prefix + name)) { return 0; }
        PackedBatch batch = GoldenBatch.Read(golden, prefix, network.Config).Batch;
        double[] actual = GoldenBatch.Doubles(Forward(device, network, batch)), expected = golden.Doubles(prefix + name);
        Assert.Equal(expected.Length, actual.Length);
        double scale = name is "mean" or "cls" or "max" or "mean_sqrt_len" ? Math.Max(1, GoldenBatch.Largest(expected)) : 1;
        int size = network.OutputSize, compared = 0;
        for (int sequence = 0; sequence < batch.Sequences; sequence++)
        {
            // transformers' heads take column 0: with left padding that is a padded position, whose state has no meaning (README, Pitfalls).
            if (batch.Columns[batch.Offsets[sequence]] != 0) { continue; }
            GoldenBatch.AssertAll(expected[(sequence * size)..((sequence + 1) * size)], actual[(sequence * size)..((sequence + 1) * size)], tolerance * scale,
                $"{prefix}{name}, sequence {sequence}");
            compared++;
        }
        return compared;
    }

    private static float[] Forward(Device device, Network network, PackedBatch batch)
    {
        using DeviceNetwork loaded = device.Load(network, Precision.Float32);
        float[] output = new float[batch.Sequences * network.OutputSize];
        loaded.Forward(batch, output);
        return output;
    }
}
