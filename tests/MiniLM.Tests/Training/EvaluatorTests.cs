using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Model;
using MiniLM.Text;
using MiniLM.Training;
using MiniLM.Training.Evaluators;

namespace MiniLM.Tests.Training;

/// <summary>What is measured on the way, against the outputs of the model computed one by one.</summary>
public sealed class EvaluatorTests : IDisposable
{
    private readonly ModelFolder _folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
    private readonly WordPieceTokenizer _tokenizer;
    private readonly ReferenceDevice _device = new();
    private readonly DeviceNetwork _network;

    public EvaluatorTests()
    {
        _tokenizer = LoadedModel.OpenTokenizer(_folder);
        _network = _device.Load(_folder.Network, Precision.Float32);
    }

    private TrainingData Read(TrainingRow[] rows, string name = "dev.tsv") =>
        new TrainingDataReader(_tokenizer, ModelKind.BiEncoder, 32, new Dictionary<string, string>(),
        Path.GetTempPath()).Read(name, [.. rows[0].Texts.Select((_, i) => $"c{i}")], false, rows, null, false, default);

    private float[] Embed(string text)
    {
        int[] ids = new int[32];
        int length = _tokenizer.Encode(text, 32, ids, out _);
        PackedBatch batch = new();
        batch.Add(ids.AsSpan(0, length), [], _folder.Network.Config.Architecture);
        float[] row = new float[_folder.OutputSize];
        _network.Forward(batch, row);
        return row;
    }

    private double Cosine(string a, string b)
    {
        (float[] x, float[] y) = (Embed(a), Embed(b));
        double dot = x.Zip(y, (p, q) => (double)p * q).Sum();
        return dot / Math.Sqrt(x.Sum(p => (double)p * p) * y.Sum(q => (double)q * q));
    }

    private Dictionary<string, double> Measure(TrainingData data)
    {
        EvaluationSet set = EvaluationSet.Of(data, data.Name, _folder.Network, _folder, _device, null);
        return new(set.Evaluate(_network, _folder.Network, out _, default));
    }

    [Fact]
    public void Outputs_AreThoseOfEachTextAlone()
    {
        using TrainingData data = Read([new TrainingRow("one", "two three of the one"), new TrainingRow("a of", "the"), new TrainingRow("three", "two")]);
        SequenceOutputs outputs = SequenceOutputs.Compute(_network, _folder.Network, data.Rows.Tokens, default);
        Assert.Equal(Embed("one"), outputs[0, 0].ToArray());
        Assert.Equal(Embed("the"), outputs[1, 1].ToArray());
        Assert.Equal(Embed("two"), outputs[2, 1].ToArray());
        Assert.Equal(6 * _folder.OutputSize, outputs.Values.Length);
    }

    [Fact]
    public void LabelledPairs_AreClassesOrGrades()
    {
        TrainingRow[] rows = [.. new[] { ("one", "two", 1), ("a", "three of", 0), ("the", "the one", 1), ("of", "a two", 0) }
            .Select(row => new TrainingRow([row.Item1, row.Item2], [row.Item3]))];
        using TrainingData classes = Read(rows), opposite = Read([.. rows.Select(row => row with { Labels = [row.Labels[0] == 1 ? 1 : -1] })]);
        double[] cosines = [.. rows.Select(row => (double)(float)Cosine(row.Texts[0], row.Texts[1]))];
        double best = cosines.Max(threshold =>
        {
            int hits = rows.Where((row, i) => cosines[i] >= threshold && row.Labels[0] == 1).Count(), predicted = cosines.Count(cosine => cosine >= threshold);
            return 2.0 * hits / (predicted + 2);
        });
        Dictionary<string, double> measured = Measure(classes);
        Assert.Equal(best, measured["dev_cosine_f1"], 1e-12);
        Assert.Equal(measured, Measure(opposite));
        using TrainingData grades = Read([.. rows.Select((row, i) => row with { Labels = [i * .3] })]);
        double expected = MiniLM.Evaluation.Statistics.Correlation.Spearman(cosines, [0, .3, .6, .9]);
        Assert.Equal(expected, Measure(grades)["dev_spearman_cosine"], 1e-12);
    }

    [Fact]
    public void Triplets_CountWhereThePositiveIsNearerThanEveryNegative()
    {
        string[][] texts = [["one", "one two", "the"], ["a", "three", "a of"], ["of the", "two", "of"], ["two", "two", "two"]];
        using TrainingData data = Read([.. texts.Select(row => new TrainingRow(row))]);
        double expected = texts.Count(row => Cosine(row[0], row[1]) > Cosine(row[0], row[2]) + 1e-9) / 4.0;
        Assert.Equal(expected, Measure(data)["dev_cosine_accuracy"], 1e-12);
    }

    [Fact]
    public void Pairs_AreQueriesWithTheirDocuments()
    {
        // Two queries, one of them with two documents; a text that comes twice is one document.
        string[][] texts = [["one", "one a"], ["one", "of the"], ["three", "one a"]];
        using TrainingData data = Read([.. texts.Select(row => new TrainingRow(row))]);
        bool isFirst = Cosine("three", "one a") > Cosine("three", "of the");
        Dictionary<string, double> measured = Measure(data);
        Assert.Equal((1 + (isFirst ? 1 : .5)) / 2, measured["dev_cosine_mrr@10"], 1e-12); // both documents are the first query's
        Assert.Equal((1 + (isFirst ? 1 : 0)) / 2.0, measured["dev_cosine_accuracy@1"], 1e-12);
        Assert.Equal(1, measured["dev_cosine_recall@3"], 1e-12);
    }

    public void Dispose()
    {
        _network.Dispose();
        _device.Dispose();
        _folder.Dispose();
    }
}
