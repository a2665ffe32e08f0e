using MiniLM.Model;
using MiniLM.Text;
using MiniLM.Training;

namespace MiniLM.Tests.Training;

public sealed class DataChecksTests : IDisposable
{
    private readonly WordPieceTokenizer _tokenizer = WordPieceTokenizer.Load(DeviceContract.Fixture("models", "bert"));
    private readonly List<TrainingData> _read = [];

    private TrainingData Read(IEnumerable<TrainingRow> rows, int maxLength = 32, ModelKind kind = ModelKind.BiEncoder, string name = "train.tsv")
    {
        TrainingRow[] all = [.. rows];
        string[] columns = [.. Enumerable.Range(0, all[0].Texts.Count).Select(i => $"c{i}")];
        _read.Add(new TrainingDataReader(_tokenizer, kind, maxLength, new Dictionary<string, string>(), Path.GetTempPath())
            .Read(name, columns, false, all, null, false, default));
        return _read[^1];
    }

    private static string[] Names(TrainingData data, string loss, TrainingArguments? arguments = null, ModelKind kind = ModelKind.BiEncoder)
    {
        arguments ??= new TrainingArguments { PerDeviceTrainBatchSize = 2 };
        return [.. DataChecks.Of(data, new TrainingLoss(kind, loss, arguments), arguments).Select(warning => warning.Name)];
    }

    private static TrainingRow Pair(int i, double label) => new([$"heat {i}", $"air {i}"], [label]);

    [Fact]
    public void GoodData_AreSilent() => Assert.Empty(Names(Read(Enumerable.Range(0, 8).Select(i => Pair(i, i % 2))), "CosineSimilarity"));

    [Fact]
    public void Labels_ThatTellNothingApart_AreSaid()
    {
        Assert.Equal(["constant-labels"], Names(Read(Enumerable.Range(0, 4).Select(i => Pair(i, .5))), "CosineSimilarity"));
        Assert.Equal(["opposite-labels"], Names(Read(Enumerable.Range(0, 4).Select(i => Pair(i, i % 2 == 0 ? 1 : -1))), "CosineSimilarity"));
        Assert.Empty(Names(Read(Enumerable.Range(0, 4).Select(i => Pair(i, i % 2 == 0 ? 1 : -1))), "CoSENT"));
    }

    [Fact]
    public void FewPositives_AskForAWeight()
    {
        TrainingData data = Read(Enumerable.Range(0, 10).Select(i => Pair(i, i < 2 ? 1 : 0)), kind: ModelKind.CrossEncoder);
        TrainingArguments arguments = new() { PerDeviceTrainBatchSize = 2 };
        TrainingWarning warning = DataChecks.Of(data, new TrainingLoss(ModelKind.CrossEncoder, "BinaryCrossEntropy", arguments), arguments).Single();
        Assert.Equal("train.tsv: 20 % of the labels are 1, so that always saying 0 is right 80 % of the time. Try --pos-weight 4, and judge by F1 or "
            + "average precision.",
            warning.Message);
        Assert.Empty(Names(data, "BinaryCrossEntropy(pos_weight=4)", kind: ModelKind.CrossEncoder));
        Assert.Empty(Names(Read(Enumerable.Range(0, 8).Select(i => Pair(i, i < 2 ? 1 : 0)), kind: ModelKind.CrossEncoder), "BinaryCrossEntropy",
            kind: ModelKind.CrossEncoder));
    }

    [Fact]
    public void Texts_ThatAreTheSame_AreSaid()
    {
        Assert.Equal(["same-texts"], Names(Read(Enumerable.Range(0, 4).Select(i => new TrainingRow($"heat {i}", i < 2 ? $"heat {i}" : $"air {i}"))),
            "MultipleNegativesRanking(scale=1)",
            new TrainingArguments { PerDeviceTrainBatchSize = 2, MaskDuplicates = true }));
        Assert.Equal(["same-texts"], Names(Read(Enumerable.Range(0, 4).Select(i => new TrainingRow($"heat {i}", $"air {i}", i == 0 ? "air 0" : $"wing {i}"))),
            "Triplet"));
        Assert.Empty(Names(Read(Enumerable.Range(0, 4).Select(i => new TrainingRow($"heat {i}", $"air {i}", $"wing {i}"))), "Triplet"));
    }

    [Fact]
    public void RepeatedTexts_MatterToInBatchNegativesOnly()
    {
        TrainingData data = Read(Enumerable.Range(0, 10).Select(i => new TrainingRow($"heat {i / 2}", $"air {i}")));
        Assert.Equal(["repeated-texts"], Names(data, "MultipleNegativesRanking"));
        Assert.Empty(Names(data, "MultipleNegativesRanking", new TrainingArguments { PerDeviceTrainBatchSize = 2, MaskDuplicates = true }));
        Assert.Empty(Names(data, "MultipleNegativesRanking", new TrainingArguments
        {
            PerDeviceTrainBatchSize = 2,
            BatchSampler = BatchSamplerKind.NoDuplicates
        }));
        Assert.Empty(Names(Read(Enumerable.Range(0, 10).Select(i => new TrainingRow($"heat {Math.Max(1, i)}", $"air {i}"))),
            "MultipleNegativesRanking")); // one in ten
    }

    [Fact]
    public void CutTexts_AndLargeBatches_AreSaid()
    {
        TrainingRow[] rows = [.. Enumerable.Range(0, 4).Select(i => Pair(i, i % 2))];
        Assert.Equal(["truncated"], Names(Read(rows, maxLength: 3), "CosineSimilarity"));
        Assert.Equal(["large-batch"], Names(Read(rows), "CosineSimilarity", new TrainingArguments { PerDeviceTrainBatchSize = 5 }));
        Assert.Empty(Names(Read(rows), "CosineSimilarity", new TrainingArguments { PerDeviceTrainBatchSize = 4 }));
    }

    [Fact]
    public void ABatchOfOneRow_HasNoNegatives()
    {
        TrainingArguments one = new() { PerDeviceTrainBatchSize = 1 };
        TrainingRow[] pairs = [.. Enumerable.Range(0, 4).Select(i => new TrainingRow($"heat {i}", $"air {i}"))];
        Assert.Equal(["no-negatives"], Names(Read(pairs), "MultipleNegativesRanking", one));
        Assert.Equal(["no-negatives"], Names(Read(pairs, kind: ModelKind.CrossEncoder), "MultipleNegativesRanking", one, ModelKind.CrossEncoder));
        Assert.Equal(["large-batch", "no-negatives"], Names(Read(pairs[..1]), "MultipleNegativesRanking"));
        Assert.Empty(Names(Read(pairs), "MultipleNegativesRanking"));
        Assert.Empty(Names(Read(pairs.Select((row, i) => new TrainingRow([.. row.Texts, $"wing {i}"], []))), "MultipleNegativesRanking", one));
    }

    [Fact]
    public void Labels_ThatAreReadAsTexts_AreSaid()
    {
        Assert.Equal(["numbers-as-texts"], Names(Read(Enumerable.Range(0, 4).Select(i => new TrainingRow($"heat {i}", $"air {i}", $"{i}.5"))), "Triplet"));
        Assert.Empty(Names(Read(Enumerable.Range(0, 4).Select(i => new TrainingRow($"heat {i}", $"air {i}", i == 3 ? "wing" : $"{i}"))), "Triplet"));
        Assert.Empty(Names(Read(Enumerable.Range(0, 4).Select(i => new TrainingRow($"{i}", $"air {i}", $"wing {i}"))), "Triplet")); // a query may be one
    }

    // A guess: always the best score, the shares of the classes, or any of the texts to choose from.
    [Theory]
    [InlineData(ModelKind.CrossEncoder, "BinaryCrossEntropyLoss", 1, new[] { 1.0, 0, 0, 1 }, .69314718)]
    [InlineData(ModelKind.CrossEncoder, "BinaryCrossEntropyLoss", 1, new[] { 1.0, 0, 0, 0 }, .56233514)] // .25 ln 4 + .75 ln 4/3
    [InlineData(ModelKind.CrossEncoder, "BinaryCrossEntropyLoss(pos_weight=3)", 1, new[] { 1.0, 0, 0, 0 }, 1.03972077)] // 1.5 ln 2
    [InlineData(ModelKind.CrossEncoder, "BinaryCrossEntropyLoss", 1, new[] { 1.0, 1, 1, 1 }, 0.0)]
    [InlineData(ModelKind.CrossEncoder, "CrossEntropyLoss", 3, new[] { 0.0, 2, 2, 2 }, .56233514)]
    [InlineData(ModelKind.CrossEncoder, "CrossEntropyLoss(label_smoothing=.3)", 2, new[] { 0.0, 0, 0, 1 }, .63058103)] // shares .675 and .325
    [InlineData(ModelKind.CrossEncoder, "MultipleNegativesRankingLoss", 1, null, 1.38629436)] // ln 4: batches of 4, 3 others
    [InlineData(ModelKind.CrossEncoder, "MultipleNegativesRankingLoss(num_negatives=2)", 1, null, 1.09861229)]
    [InlineData(ModelKind.BiEncoder, "SoftmaxLoss(num_labels=2)", 32, new[] { 0.0, 1, 1, 1 }, .56233514)]
    [InlineData(ModelKind.BiEncoder, "MultipleNegativesRankingLoss", 32, null, 1.38629436)]
    [InlineData(ModelKind.BiEncoder, "MultipleNegativesRankingLoss", 32, null, 2.77258872, true)] // two dimensions, of weights 1.5 and .5
    [InlineData(ModelKind.BiEncoder, "MultipleNegativesSymmetricRankingLoss", 32, null, 1.38629436)]
    [InlineData(ModelKind.CrossEncoder, "CrossEntropyLoss", 2, new[] { 0.0, 1, -100, -100 }, .69314718)]
    [InlineData(ModelKind.BiEncoder, "CosineSimilarityLoss", 32, new[] { 0.0, 1, 1, 1 }, null)]
    public void TheLossOfAGuess(ModelKind kind, string loss, int outputs, double[]? labels, double? expected, bool isMatryoshka = false)
    {
        TrainingData data = Read(Enumerable.Range(0, 4).Select(i => new TrainingRow([$"heat {i}", $"air {i}"], labels is null ? [] : [labels[i]])), kind: kind);
        TrainingArguments arguments = isMatryoshka ? new() { MatryoshkaDims = [32, 16], MatryoshkaWeights = [1.5, .5] } : new();
        double? guess = new TrainingLoss(kind, loss, arguments).AtChance(data, 8, outputs);
        Assert.Equal(expected is null, guess is null);
        if (expected is { } value) { Assert.Equal(value, guess!.Value, 1e-7); }
    }

    [Fact]
    public void RowsThatAreTrainedOn_AreCountedOnceEach()
    {
        TrainingData train = Read(Enumerable.Range(0, 6).Select(i => Pair(i, 1))), other = Read(Enumerable.Range(6, 2).Select(i => Pair(i, 1)));
        TrainingData test = Read([Pair(5, 0), Pair(5, 0), Pair(7, 1), Pair(9, 1)], name: "test.tsv");
        Assert.StartsWith("test.tsv: 3 of its 4 rows are in train.tsv and the other training data too", DataChecks.Overlap([train, other], test)!.Message);
        Assert.StartsWith("test.tsv: 2 of its 4 rows are in train.tsv too", DataChecks.Overlap([train], test)!.Message);
        Assert.NotNull(DataChecks.Overlap([train], Read([new TrainingRow(["air 1", "heat 1"], [1])], name: "test.tsv"))); // the other way round
        Assert.Null(DataChecks.Overlap([train], Read([new TrainingRow(["heat 1", "air 2"], [1])], name: "test.tsv")));
    }

    public void Dispose() => _read.ForEach(data => data.Dispose());
}
