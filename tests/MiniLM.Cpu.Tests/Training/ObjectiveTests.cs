using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Tests;
using MiniLM.Training;
using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Embeddings;
using CrossLosses = MiniLM.Training.Losses.Logits;

namespace MiniLM.Cpu.Tests.Training;

/// <summary>A loss over rows of data through a network: the gradients of forward, loss and backward by hand, and the same from less memory.</summary>
public sealed class ObjectiveTests : IDisposable
{
    private static readonly string[][] Triplets =
    [
        ["a heat shield", "shock waves", "a wing in a stream of air"], ["wing", "lift", "heat"], ["air of high speed", "boundary layers", "a"],
        ["heat", "heat transfer to a wing in high speed air", "stream"], ["lift of a wing", "wing", "shock"],
        ["a b c d", "waves", "heat and air"], ["x", "y", "z"],
    ];

    private const int MaxLength = 18; // cuts a pair or two

    private static readonly int[] Rows = [4, 0, 6, 2, 5, 1];

    private readonly ModelFolder _folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
    private readonly CpuDevice _device = new(2);

    private Network Network => _folder.Network with { Config = _folder.Network.Config with { HiddenDropout = 0.1f, AttentionDropout = 0.1f } };

    private Network Classifier(int outputs)
    {
        RandomNetwork random = new(Network.Config.HiddenSize, 1, 8, 1); // its pinned weights live as long as the process
        return Network with { Pooling = [PoolingMode.Cls], Head = [new DenseModule(random.Linear(outputs, Network.Config.HiddenSize), Activation.Identity)] };
    }

    private TokenizedRows Tokenize(Action<TokenizedRowsWriter, string[]> add)
    {
        using TokenizedRowsWriter writer = new(LoadedModel.OpenTokenizer(_folder), MaxLength, Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString()));
        foreach (string[] row in Triplets)
        {
            add(writer, row);
            writer.EndRow();
        }
        return writer.Complete();
    }

    private TokenizedRows Texts(int columns) => Tokenize((writer, row) =>
    {
        foreach (string text in row[..columns]) { writer.Add(text); }
    });

    private TokenizedRows Pairs(int texts) => Tokenize((writer, row) =>
    {
        foreach (string text in row[1..(texts + 1)]) { writer.AddPair(row[0], text); }
    });

    private PairParts Parts(int texts)
    {
        List<int> counts = [];
        TokenizedRows parts = Tokenize((writer, row) =>
        {
            foreach (string text in row[..(texts + 1)]) { counts.Add(writer.AddPart(text)); }
        });
        return new PairParts(LoadedModel.OpenTokenizer(_folder), MaxLength, parts, [.. counts]);
    }

    private static float[][] Gradients(TrainingNetwork network) => [.. network.Parameters.Parameters.Select(parameter =>
    {
        float[] values = new float[parameter.Count];
        network.ReadGradient(parameter, values);
        return values;
    })];

    private static void AssertClose(float[][] expected, float[][] actual)
    {
        double[] lengths = [.. expected.Select(values => Math.Sqrt(values.Sum(value => (double)value * value)))];
        Assert.True(lengths.Max() > 1e-4);
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Sqrt(expected[i].Zip(actual[i]).Sum(pair => Math.Pow((double)pair.First - pair.Second, 2)));
            Tiers.Close(0, error, 1e-5 * Math.Max(lengths[i], 1e-2 * lengths.Max()), $"tensor {i}"); // a key's bias has no gradient but for rounding
        }
    }

    private (double Loss, float[][] Gradients) Run(Network network, Func<TrainingNetwork, Objective> make, double weight = 1)
    {
        using TrainingNetwork trained = _device.LoadForTraining(network, Precision.Float32, new TrainingOptions());
        double loss = make(trained).Add(new MicroBatch(Rows, Step: 3, FirstToken: 17), weight);
        return (loss, Gradients(trained));
    }

    private void AssertSame(Network network, Func<TrainingNetwork, Objective> makeWhole, Func<TrainingNetwork, Objective> makeCut)
    {
        (double loss, float[][] whole) = Run(network, makeWhole);
        (double cut, float[][] gradients) = Run(network, makeCut);
        Tiers.Close(loss, cut, 1e-6, "loss");
        AssertClose(whole, gradients);
    }

    [Fact]
    public void ABiEncodersColumns_AreEmbeddedTogetherAndGoBackByTheirOwnGradients()
    {
        using TokenizedRows tokens = Texts(3);
        (double loss, float[][] gradients) = Run(Network, trained =>
            new BiEncoderObjective(trained, new MultipleNegativesRankingLoss(), new TrainingRows(tokens), 5), 2);

        using TrainingNetwork byHand = _device.LoadForTraining(Network, Precision.Float32, new TrainingOptions());
        int size = Network.OutputSize;
        Column<float>[] columns = new Column<float>[3];
        for (int column = 0; column < 3; column++)
        {
            Batching.PackedBatch batch = new();
            List<int> first = [];
            int next = 17;
            foreach (int row in Rows)
            {
                tokens.AddTo(batch, row, column, Network.Config.Architecture);
                first.Add(next + Enumerable.Range(0, column).Sum(before => tokens.Length(row, before)));
                next += tokens.Length(row);
            }
            float[] embeddings = new float[Rows.Length * size];
            byHand.ForwardSaving(batch, column, new StepDropout(5, 3, [.. first]), embeddings);
            columns[column] = new Column<float>(embeddings, size);
        }
        double expected = new MultipleNegativesRankingLoss().Compute(new BiEncoderBatch<float>(columns));
        for (int column = 0; column < 3; column++) { byHand.Backward(column, Array.ConvertAll(columns[column].Gradient.ToArray(), value => 2 * value)); }
        Tiers.Close(expected, loss, 1e-6, "loss");
        AssertClose(Gradients(byHand), gradients);
    }

    [Theory]
    [InlineData(1), InlineData(4), InlineData(5), InlineData(17)]
    public void ACachedLoss_IsTheLossOfAllRows(int miniBatch)
    {
        using TokenizedRows tokens = Texts(3);
        TrainingRows data = new(tokens);
        AssertSame(Network, trained => new BiEncoderObjective(trained, new MultipleNegativesRankingLoss(), data, 5), trained =>
            new BiEncoderObjective(trained, new CachedMultipleNegativesRankingLoss { MiniBatchSize = miniBatch }, data, 5));
    }

    // Whatever is computed at a time: one sequence, some, all.
    [Theory]
    [InlineData(1), InlineData(20), InlineData(64), InlineData(100_000)]
    public void AMicroBatch_IsCutByTokens(int tokensTogether)
    {
        using TokenizedRows tokens = Texts(3);
        TrainingRows data = new(tokens);
        Objective? cut = null;
        AssertSame(Network, trained => new BiEncoderObjective(trained, new MultipleNegativesRankingLoss(), data, 5), trained =>
            cut = new BiEncoderObjective(trained, new MultipleNegativesRankingLoss(), data, 5, microBatchTokens: tokensTogether));
        int[] lengths = [.. Enumerable.Range(0, 3).SelectMany(column => Rows.Select(row => tokens.Length(row, column)))];
        int next = 0;
        foreach ((int first, int end) in cut!.Parts(Rows))
        {
            Assert.Equal(next, first);
            Assert.True(end - first == 1 || lengths[first..end].Sum() <= tokensTogether);
            Assert.True(end == lengths.Length || lengths[first..(end + 1)].Sum() > tokensTogether, "as many as fit");
            next = end;
        }
        Assert.Equal(lengths.Length, next);
    }

    [Fact]
    public void ACachedLossOfLogits_IsTheLossOfAllRows()
    {
        using TokenizedRows tokens = Pairs(2);
        using PairParts parts = Parts(2);
        TrainingRows data = new(tokens) { Parts = parts };
        AssertSame(Classifier(1), trained =>
            new CrossEncoderObjective(trained, new CrossLosses.MultipleNegativesRankingLoss { MiniBatchSize = null }, data, 5), trained =>
            new CrossEncoderObjective(trained, new CrossLosses.MultipleNegativesRankingLoss { MiniBatchSize = 5 }, data, 5));
    }

    [Theory]
    [InlineData(1, null), InlineData(1, 4), InlineData(2, 4), InlineData(1, 7)]
    public void AQuery_MeetsDrawnDocumentsOfTheBatchsOtherRows(int texts, int? miniBatch)
    {
        using TokenizedRows tokens = Pairs(texts);
        using PairParts parts = Parts(texts);
        TrainingRows data = new(tokens) { Parts = parts };
        Network network = Classifier(1) with { Config = _folder.Network.Config with { HiddenDropout = 0, AttentionDropout = 0 } };
        CrossLosses.MultipleNegativesRankingLoss ranking = new() { Negatives = 3, MiniBatchSize = miniBatch };
        using TrainingNetwork trained = _device.LoadForTraining(network, Precision.Float32, new TrainingOptions());
        CrossEncoderObjective objective = new(trained, ranking, data, 5);
        double loss = objective.Add(new MicroBatch(Rows, Step: 3, FirstToken: 0), 1);

        // Positives, drawn documents, negatives, each as a pair of texts.
        int[][] drawn = ranking.Draw(Rows.Length, texts, seed: 5, step: 3);
        int[] columns = [.. Enumerable.Range(0, texts + 3)];
        (string Query, string Document)[] pairs = [.. columns.SelectMany(column => Rows.Select((row, query) => (Triplets[row][0],
            column == 0 ? Triplets[row][1] : column > 3 ? Triplets[row][column - 2]
            : Triplets[Rows[drawn[query][column - 1] % Rows.Length]][1 + drawn[query][column - 1] / Rows.Length])))];
        using TokenizedRowsWriter writer = new(LoadedModel.OpenTokenizer(_folder), MaxLength, Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString()));
        foreach ((string query, string document) in pairs) { writer.AddPair(query, document); }
        writer.EndRow();
        using TokenizedRows all = writer.Complete();
        Batching.PackedBatch batch = new();
        for (int i = 0; i < pairs.Length; i++) { all.AddTo(batch, 0, i, network.Config.Architecture); }
        using TrainingNetwork byHand = _device.LoadForTraining(network, Precision.Float32, new TrainingOptions());
        float[] logits = new float[pairs.Length], gradient = new float[pairs.Length];
        byHand.ForwardSaving(batch, 0, new StepDropout(5, 3, new int[pairs.Length]), logits);
        Tiers.Close(ranking.Compute<float>(logits, new CrossEncoderTargets { Columns = columns.Length }, gradient), loss, 1e-6, "loss");
        byHand.Backward(0, gradient);
        AssertClose(Gradients(byHand), Gradients(trained));

        Assert.Equal(all.Tokens, objective.Tokens(Rows));
        Assert.Equal(columns.Sum(column => (long)Rows.Length * Rows.Select((_, query) => all.Length(0, column * Rows.Length + query)).Max()),
            objective.PaddedTokens(Rows));
        SequenceOutputs outputs = SequenceOutputs.Compute(trained, network, tokens, default);
        double evaluated = objective.Evaluate(Rows, outputs, default);
        Assert.Equal(evaluated, objective.Evaluate(Rows, outputs, default));
        Tiers.Close(objective.Add(new MicroBatch(Rows, Step: 0, FirstToken: 0), 1), evaluated, 1e-6, "evaluated");
    }

    [Fact]
    public void Evaluate_IsTheLossWithoutDropoutAndLeavesGradientsAlone()
    {
        using TokenizedRows tokens = Pairs(1);
        TrainingRows data = new(tokens) { Labels = [.. Triplets.Select((_, row) => new[] { row % 2.0 })] };
        Network network = Classifier(1);
        using TrainingNetwork trained = _device.LoadForTraining(network, Precision.Float32, new TrainingOptions());
        CrossEncoderObjective objective = new(trained, new CrossLosses.BinaryCrossEntropyLoss(), data, 5);
        double loss = objective.Evaluate(Rows, SequenceOutputs.Compute(trained, network, tokens, default), default);
        Assert.All(Gradients(trained), values => Assert.DoesNotContain(values, value => value != 0));
        Assert.NotEqual(loss, objective.Add(new MicroBatch(Rows, 0, 0), 1));
        float[] logits = new float[Rows.Length], ignored = new float[Rows.Length];
        Batching.PackedBatch batch = new();
        foreach (int row in Rows) { tokens.AddTo(batch, row, 0, network.Config.Architecture); }
        trained.Forward(batch, logits);
        Labels labels = new([.. Rows.Select(row => row % 2.0)]);
        Tiers.Close(new CrossLosses.BinaryCrossEntropyLoss().Compute<float>(logits, new CrossEncoderTargets { Labels = labels }, ignored), loss, 1e-6, "loss");
    }

    [Fact]
    public void Lists_MayDifferInLengthAndKeepTheirLabels()
    {
        int[] documents = [1, 3, 2, 2, 1, 3, 2];
        int next = 0;
        using TokenizedRows tokens = Tokenize((writer, row) =>
        {
            for (int document = 0; document < documents[next]; document++) { writer.AddPair(row[0], row[document % 3]); }
            next++;
        });
        TrainingRows data = new(tokens)
        {
            IsList = true,
            Labels = [.. documents.Select(count => Enumerable.Range(0, count).Select(document => document == 0 ? 1.0 : 0).ToArray())],
        };
        Network network = Classifier(1) with { Config = _folder.Network.Config };
        using TrainingNetwork trained = _device.LoadForTraining(network, Precision.Float32, new TrainingOptions());
        SequenceOutputs outputs = SequenceOutputs.Compute(trained, network, tokens, default);
        double loss = new CrossEncoderObjective(trained, new CrossLosses.ListNetLoss(), data, 5).Evaluate(Rows, outputs, default);
        double alone = Rows.Average(row => new CrossEncoderObjective(trained, new CrossLosses.ListNetLoss(), data, 5).Evaluate([row], outputs, default));
        Tiers.Close(alone, loss, 1e-6, "mean over lists");
    }

    [Fact]
    public void PaddedTokens_AreThoseOfEachColumnsLongest_AndOfAllDocumentsTogether()
    {
        using TokenizedRows texts = Texts(3);
        using TrainingNetwork trained = _device.LoadForTraining(Network, Precision.Float32, new TrainingOptions());
        BiEncoderObjective objective = new(trained, new MultipleNegativesRankingLoss(), new TrainingRows(texts), 5);
        objective.Add(new MicroBatch(Rows, 0, 0), 1);
        Assert.Equal(Enumerable.Range(0, 3).Sum(column => (long)Rows.Length * Rows.Max(row => texts.Length(row, column))), objective.PaddedTokens(Rows));
        Assert.Equal(Rows.Sum(row => Enumerable.Range(0, 3).Sum(column => texts.Length(row, column))), objective.Tokens(Rows));

        int next = 0;
        using TokenizedRows lists = Tokenize((writer, row) =>
        {
            for (int document = next++ % 3; document < 3; document++) { writer.AddPair(row[0], row[document]); }
        });
        TrainingRows data = new(lists) { IsList = true, Labels = [.. Triplets.Select((_, row) => new double[3 - row % 3])] };
        Network network = Classifier(1);
        using TrainingNetwork classifier = _device.LoadForTraining(network, Precision.Float32, new TrainingOptions());
        CrossEncoderObjective ofLists = new(classifier, new CrossLosses.ListNetLoss(), data, 5);
        ofLists.Add(new MicroBatch(Rows, 0, 0), 1);
        int[] lengths = [.. Rows.SelectMany(row => Enumerable.Range(0, lists.Columns(row)).Select(document => lists.Length(row, document)))];
        Assert.Equal((long)lengths.Length * lengths.Max(), ofLists.PaddedTokens(Rows));
    }

    [Theory]
    [InlineData(null), InlineData(4)]
    public void Spread_IsTheShareOfTheVarianceInTheSquares(int? miniBatch)
    {
        using TokenizedRows tokens = Texts(2);
        using TrainingNetwork trained = _device.LoadForTraining(Network, Precision.Float32, new TrainingOptions());
        MultipleNegativesRankingLoss loss = new() { MiniBatchSize = miniBatch };
        int size = Network.OutputSize;
        Batching.PackedBatch batch = new();
        for (int column = 0; column < 2; column++)
        {
            foreach (int row in Rows) { tokens.AddTo(batch, row, column, Network.Config.Architecture); }
        }
        float[] outputs = new float[2 * Rows.Length * size];
        trained.Forward(batch, outputs);
        double variance = 0;
        for (int dimension = 0; dimension < size; dimension++)
        {
            double[] values = [.. Enumerable.Range(0, 2 * Rows.Length).Select(i => (double)outputs[i * size + dimension])];
            variance += values.Sum(value => Math.Pow(value - values.Average(), 2));
        }
        double expected = Math.Sqrt(variance / outputs.Sum(value => (double)value * value));
        Assert.InRange(expected, .05, .95);
        BiEncoderObjective objective = new(trained, loss, new TrainingRows(tokens), 5);
        Tiers.Close(expected, objective.Spread(Rows, default)!.Value, 1e-5, "spread");
        Assert.NotNull(objective.Spread([2], default)); // two texts
        Assert.All(Gradients(trained), values => Assert.DoesNotContain(values, value => value != 0));
    }

    [Fact]
    public void ALossWithMatrices_GetsThemAndTheirGradients()
    {
        using TokenizedRows tokens = Texts(2);
        TrainingRows data = new(tokens) { Labels = [.. Triplets.Select((_, row) => new[] { row % 2.0 })] };
        Network network = Network with { Config = _folder.Network.Config with { HiddenDropout = 0, AttentionDropout = 0 } };
        SoftmaxLoss loss = new() { Classes = 2, HasDifference = true };
        LossMatrices matrices = new(loss.Parameters(network.OutputSize), seed: 3), byHand = new(loss.Parameters(network.OutputSize), seed: 3);
        using TrainingNetwork trained = _device.LoadForTraining(network, Precision.Float32, new TrainingOptions());
        BiEncoderObjective objective = new(trained, loss, data, 5, matrices);
        double value = objective.Add(new MicroBatch(Rows, 0, 0), 2);

        int size = network.OutputSize;
        SequenceOutputs outputs = SequenceOutputs.Compute(trained, network, tokens, default);
        Column<float>[] columns = [.. new[] { 0, 1 }
            .Select(column => new Column<float>(Rows.SelectMany(row => outputs[row, column].ToArray()).ToArray(), size))];
        BiEncoderBatch<float> batch = new(columns) { Labels = new Labels([.. Rows.Select(row => row % 2.0)]), Parameters = byHand.Columns() };
        Tiers.Close(loss.Compute(batch), value, 1e-6, "loss");
        byHand.AddGradients(batch.Parameters, 2);
        StepOptions options = new(1e-2, 0);
        float[] before = matrices.Columns()[0].Values.ToArray();
        objective.StepOwn(options, isTaken: true);
        byHand.Step(options, isTaken: true);
        foreach ((Column<float> expected, Column<float> actual) in byHand.Columns().Zip(matrices.Columns()))
        {
            for (int i = 0; i < expected.Values.Length; i++) { Tiers.Close(expected.Values[i], actual.Values[i], 1e-5, $"value {i}"); }
        }
        Assert.NotEqual(before, matrices.Columns()[0].Values.ToArray());
    }

    [Fact]
    public void DataThatALossWouldNotUse_AreRefusedBeforeTheFirstStep()
    {
        using TokenizedRows pairs = Texts(2), triplets = Texts(3);
        double[][] labels = [.. Triplets.Select(_ => new[] { 1.0 })];
        using TrainingNetwork trained = _device.LoadForTraining(Network, Precision.Float32, new TrainingOptions());
        Assert.Contains("does not look at labels", Assert.Throws<LossDataException>(() =>
            new BiEncoderObjective(trained, new MultipleNegativesRankingLoss(), new TrainingRows(pairs) { Labels = labels }, 0)).Message);
        Assert.Contains("not 3", Assert.Throws<LossDataException>(() =>
            new BiEncoderObjective(trained, new CosineSimilarityLoss(), new TrainingRows(triplets) { Labels = labels }, 0)).Message);
        Assert.Contains("needs labels", Assert.Throws<LossDataException>(() =>
            new BiEncoderObjective(trained, new CosineSimilarityLoss(), new TrainingRows(pairs), 0)).Message);
        Assert.Contains("32 numbers", Assert.Throws<LossDataException>(() => new BiEncoderObjective(trained, new MSELoss(),
            new TrainingRows(pairs) { Labels = [.. Triplets.Select(_ => new[] { 1.0, 2 })] }, 0)).Message);
        Assert.Contains("33 dimensions of embeddings of 32", Assert.Throws<LossDataException>(() =>
            new BiEncoderObjective(trained, new MatryoshkaLoss(new MultipleNegativesRankingLoss(), [33]), new TrainingRows(pairs), 0)).Message);
        using TokenizedRows scored = Pairs(1), ranked = Pairs(2);
        using TrainingNetwork classifier = _device.LoadForTraining(Classifier(1), Precision.Float32, new TrainingOptions());
        Assert.Contains("needs labels", Assert.Throws<LossDataException>(() =>
            new CrossEncoderObjective(classifier, new CrossLosses.MSELoss(), new TrainingRows(scored), 0)).Message);
        Assert.Contains("not a query and 2 texts", Assert.Throws<LossDataException>(() =>
            new CrossEncoderObjective(classifier, new CrossLosses.MSELoss(), new TrainingRows(ranked) { Labels = labels }, 0)).Message);
        using TokenizedRowsWriter writer = new(LoadedModel.OpenTokenizer(_folder), MaxLength, Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString()));
        writer.AddPair("a wing", "lift");
        writer.EndRow();
        using TokenizedRows one = writer.Complete();
        CrossEncoderObjective ofOne = new(classifier, new CrossLosses.MSELoss(), new TrainingRows(one) { Labels = [[1]] }, 0);
        Assert.Null(ofOne.Spread([0], default));
        Assert.Contains("1 margins a row", Assert.Throws<LossDataException>(() => new CrossEncoderObjective(classifier, new CrossLosses.MarginMSELoss(),
            new TrainingRows(ranked) { Labels = [.. Triplets.Select(_ => new[] { 1.0, 2, 3 })] }, 0)).Message);
        Assert.Contains("list 5 has label 2 after 1", Assert.Throws<LossDataException>(() => new CrossEncoderObjective(classifier,
            new CrossLosses.ListMLELoss(),
            new TrainingRows(ranked) { IsList = true, Labels = [.. Triplets.Select((_, row) => new[] { row == 4 ? 1.0 : 3, 2 })] }, 0)).Message);
    }

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }
}
