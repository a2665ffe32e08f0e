using System.Globalization;
using System.Text.Json;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Retrieval;
using MiniLM.Tests;
using MiniLM.Weights;

namespace MiniLM.Cpu.Tests;

/// <summary>all-MiniLM-L6-v2 from text to result: embeddings, logits, search and correlation as the published tools give them.</summary>
public sealed class RealModelTests
{
    /// <summary>Tolerances of embeddings and logits: golden/forward's README.</summary>
    public static TheoryData<Precision, double, double> Precisions() => new()
    {
        { Precision.Float32, 2e-6, 2e-5 }, { Precision.Float16, 1e-3, 5e-3 }, { Precision.BFloat16, 1e-2, 5e-2 },
    };

    [Theory, MemberData(nameof(Precisions))]
    public void Embed_GoldenSentences(Precision precision, double tolerance, double ofLogits)
    {
        _ = ofLogits;
        using var golden = new Golden(SharedFolder.Require("golden", "forward", "sentences.safetensors"));
        string[] texts = [.. Lines("golden", "forward", "sentences.jsonl").Select(line => line.GetProperty("text").GetString()!)];
        using var device = new CpuDevice();
        using BiEncoder model = BiEncoder.Open(SharedFolder.Require("models", "all-MiniLM-L6-v2"), device, precision);
        float[] embeddings = new float[texts.Length * model.Dimension];
        EncodingStatistics statistics = model.Embed(texts, embeddings);
        Assert.Equal(Lines("golden", "forward", "sentences.jsonl").Count(line => line.GetProperty("truncated").GetBoolean()), statistics.Truncated);
        AssertEmbeddings(GoldenBatch.Doubles(golden.Floats("embeddings")), embeddings, model.Dimension, tolerance);
        long[] index = golden.Longs("f64_index");
        double[] exact = golden.Doubles("embeddings"); // those of the rows of f64_index
        for (int i = 0; i < index.Length; i++)
        {
            AssertEmbeddings(exact[(i * model.Dimension)..((i + 1) * model.Dimension)],
                embeddings[((int)index[i] * model.Dimension)..(((int)index[i] + 1) * model.Dimension)], model.Dimension, tolerance);
        }
    }

    [Theory, MemberData(nameof(Precisions))]
    public void CrossEncoder_GoldenPairsThroughHeadsOfEverySize(Precision precision, double ofEmbeddings, double tolerance)
    {
        _ = ofEmbeddings;
        string folder = SharedFolder.Require("golden", "forward", "cross_encoder");
        using var expected = new Golden(Path.Combine(folder, "expected.safetensors"));
        JsonElement[] pairs = [.. Lines("golden", "forward", "cross_encoder", "pairs.jsonl")];
        using ModelFolder folderOfModel = ModelFolder.Open(SharedFolder.Require("models", "all-MiniLM-L6-v2"));
        using var device = new CpuDevice();
        Tensor Find(string name) => folderOfModel.Tensors.Single(tensor => tensor.Name == name);
        var pooler = new DenseModule(new Linear(Find("pooler.dense.weight"), Find("pooler.dense.bias")), Activation.Tanh);
        Text.WordPieceTokenizer tokenizer = LoadedModel.OpenTokenizer(folderOfModel);
        var batch = new PackedBatch();
        int[] ids = new int[512];
        byte[] types = new byte[512];
        foreach (JsonElement pair in pairs)
        {
            int length = tokenizer.Encode(pair.GetProperty("query").GetString()!, pair.GetProperty("passage").GetString()!, 512,
                Text.Truncation.LongestFirst, ids, types, out _);
            batch.Add(ids.AsSpan(0, length), types.AsSpan(0, length), Architecture.Bert);
        }
        string[] heads = Directory.GetFiles(folder, "head*.safetensors");
        Assert.NotEmpty(heads);
        foreach (string file in heads)
        {
            using var head = new Golden(file);
            var classifier = new DenseModule(new Linear(head.Tensor("classifier.weight"), head.Tensor("classifier.bias")), Activation.Identity);
            Network network = folderOfModel.Network with { Pooling = [PoolingMode.Cls], Head = [pooler, classifier] };
            using DeviceNetwork loaded = device.Load(network, precision);
            float[] logits = new float[pairs.Length * network.OutputSize];
            loaded.Forward(batch, logits);
            GoldenBatch.AssertAll(expected.Doubles("logits" + network.OutputSize), GoldenBatch.Doubles(logits), tolerance, Path.GetFileName(file));
        }
    }

    [Fact]
    public void Search_GoldenCollection()
    {
        string folder = SharedFolder.Require("golden", "retrieval", "dense");
        using var documents = new Golden(Path.Combine(folder, "documents.safetensors"));
        using var queries = new Golden(Path.Combine(folder, "queries.safetensors"));
        (string Id, string Text)[] corpus = Texts(Path.Combine(folder, "documents.json")), asked = Texts(Path.Combine(folder, "queries.json"));
        using var device = new CpuDevice();
        using BiEncoder model = BiEncoder.Open(SharedFolder.Require("models", "all-MiniLM-L6-v2"), device);
        float[] vectors = new float[corpus.Length * model.Dimension], questions = new float[asked.Length * model.Dimension];
        model.Embed([.. corpus.Select(document => document.Text)], vectors);
        model.Embed([.. asked.Select(query => query.Text)], questions);
        AssertEmbeddings(documents.Doubles(documents.Names.Single()), vectors, model.Dimension);
        AssertEmbeddings(queries.Doubles(queries.Names.Single()), questions, model.Dimension);

        DirectoryInfo temporary = Directory.CreateTempSubdirectory("minilm-index");
        try
        {
            string path = Path.Combine(temporary.FullName, "index");
            using (var writer = new VectorIndexWriter(path, model.Dimension))
            {
                for (int i = 0; i < corpus.Length; i++)
                {
                    writer.Add(new Document(corpus[i].Id, "", corpus[i].Text), vectors.AsSpan(i * model.Dimension, model.Dimension));
                }
                writer.Complete(model.Folder.Path, model.Folder.Hash);
            }
            using VectorIndex index = VectorIndex.Open(path);
            SearchHit[][] found = index.Search(questions, 10, device);
            string[][] expected = [.. File.ReadLines(Path.Combine(folder, "top10.tsv")).Select(line => line.Split('\t'))];
            int row = 0;
            for (int query = 0; query < asked.Length; query++)
            {
                foreach (SearchHit hit in found[query])
                {
                    Assert.Equal(expected[row][0], asked[query].Id);
                    Assert.Equal(expected[row][1], index.Documents.Read(hit.Document).Id);
                    Assert.Equal(double.Parse(expected[row][2], CultureInfo.InvariantCulture), hit.Score, 4e-6); // 2e-6 of each embedding
                    row++;
                }
            }
            Assert.Equal(expected.Length, row);
            Assert.Equal(corpus[3].Text, index.Documents.Read(3).Text);
        }
        finally { temporary.Delete(recursive: true); }
    }

    [Theory]
    [InlineData("shared", Precision.Float32, 0.0002)]
    [InlineData("shared", Precision.BFloat16, 0.001)]
    [InlineData("shipped", Precision.Float32, 0.001)]
    public void StsBenchmark_SpearmanIsThePublishedOne(string which, Precision precision, double tolerance)
    {
        string data = SharedFolder.Require("data", "stsbenchmark", "sts-test.csv");
        string path = which == "shared"
            ? SharedFolder.Require("models", "all-MiniLM-L6-v2")
            : Path.Combine(DeviceContract.Fixture(), "..", "..", "models", "all-MiniLM-L6-v2");
        using var device = new CpuDevice();
        using BiEncoder model = BiEncoder.Open(path, device, precision);
        string[][] rows = [.. File.ReadAllLines(data).Where(line => line.Length > 0).Select(line => line.Split('\t'))];
        float[] first = new float[rows.Length * model.Dimension], second = new float[first.Length];
        model.Embed([.. rows.Select(row => row[5])], first);
        model.Embed([.. rows.Select(row => row[6])], second);
        double[] cosines = [.. Enumerable.Range(0, rows.Length).Select(i =>
        {
            double sum = 0;
            for (int d = i * model.Dimension; d < (i + 1) * model.Dimension; d++) { sum += (double)first[d] * second[d]; }
            return sum;
        })];
        Assert.Equal(0.8203, Spearman(cosines, [.. rows.Select(row => double.Parse(row[4], CultureInfo.InvariantCulture))]), tolerance);
    }

    private static double Spearman(double[] a, double[] b)
    {
        double[] x = Ranks(a), y = Ranks(b);
        double mean = (a.Length + 1) / 2.0, xy = 0, xx = 0, yy = 0;
        for (int i = 0; i < a.Length; i++)
        {
            xy += (x[i] - mean) * (y[i] - mean);
            xx += (x[i] - mean) * (x[i] - mean);
            yy += (y[i] - mean) * (y[i] - mean);
        }
        return xy / Math.Sqrt(xx * yy);
    }

    /// <summary>Ranks from 1; equal values share the mean of theirs.</summary>
    private static double[] Ranks(double[] values)
    {
        int[] order = [.. Enumerable.Range(0, values.Length).OrderBy(i => values[i])];
        double[] ranks = new double[values.Length];
        for (int first = 0; first < order.Length;)
        {
            int end = first;
            while (end < order.Length && values[order[end]] == values[order[first]]) { end++; }
            for (int i = first; i < end; i++) { ranks[order[i]] = (first + 1 + end) / 2.0; }
            first = end;
        }
        return ranks;
    }

    private static void AssertEmbeddings(double[] expected, float[] actual, int dimension, double tolerance = 2e-6)
    {
        GoldenBatch.AssertAll(expected, GoldenBatch.Doubles(actual), tolerance, "embedding");
        for (int at = 0; at < expected.Length; at += dimension)
        {
            double dot = 0, e = 0, a = 0;
            for (int d = at; d < at + dimension; d++)
            {
                dot += expected[d] * actual[d];
                e += expected[d] * expected[d];
                a += (double)actual[d] * actual[d];
            }
            Assert.True(dot / Math.Sqrt(e * a) >= 1 - 25 * tolerance * tolerance, $"cosine of row {at / dimension}");
        }
    }

    private static List<JsonElement> Lines(params string[] path) =>
        [.. File.ReadLines(SharedFolder.Require(path)).Where(line => line.Length > 0).Select(line => JsonDocument.Parse(line).RootElement.Clone())];

    private static (string, string)[] Texts(string path)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(path));
        return [.. json.RootElement.EnumerateArray().Select(entry => (entry.GetProperty("id").ToString(), entry.GetProperty("text").GetString()!))];
    }
}
