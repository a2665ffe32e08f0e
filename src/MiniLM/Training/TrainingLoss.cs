using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Embeddings;

namespace MiniLM.Training;

/// <summary>A loss by its name and settings, for the one kind of model or the other.</summary>
internal sealed class TrainingLoss
{
    private readonly BiEncoderLoss? _biEncoder;
    private readonly CrossEncoderLoss? _crossEncoder;

    /// <param name="kind">Of the model.</param>
    /// <param name="text">As <see cref="LossSettings.Parse"/> reads it.</param>
    /// <param name="arguments">With the dimensions of MatryoshkaLoss.</param>
    /// <exception cref="ArgumentException">One line: there is no such loss, or it has no such setting.</exception>
    internal TrainingLoss(ModelKind kind, string text, TrainingArguments arguments)
    {
        (string name, LossSettings settings) = LossSettings.Parse(text);
        if (arguments.MatryoshkaDims.Count == 0 && (arguments.MatryoshkaWeights.Count > 0 || arguments.MatryoshkaDimsPerStep is not null))
        {
            throw new ArgumentException($"matryoshka_{(arguments.MatryoshkaWeights.Count > 0 ? "weights" : "dims_per_step")}: is of matryoshka_dims, and there "
                + "are none. Give both.");
        }
        if (kind == ModelKind.CrossEncoder)
        {
            if (arguments.MatryoshkaDims.Count > 0) { throw new ArgumentException("matryoshka_dims: a cross-encoder has no embedding to cut."); }
            _crossEncoder = LossNames.FindCrossEncoder(name, settings);
            Name = _crossEncoder.Name;
        }
        else
        {
            _biEncoder = LossNames.FindBiEncoder(name, settings);
            if (_biEncoder.Requires.HasGuide) { throw new ArgumentException($"loss {name} needs a guide model, which a training does not take yet."); }
            if (_biEncoder.Requires.HasTwoModels)
            {
                throw new ArgumentException($"loss {name} takes a column from a second copy of the model, trained as well, which there is not.");
            }
            Name = _biEncoder.Name;
            if (arguments.MatryoshkaDims.Count > 0) { _biEncoder = Matryoshka(_biEncoder, arguments); }
        }
        Settings = settings.Values;
    }

    /// <summary>In sentence-transformers.</summary>
    internal string Name { get; }

    /// <summary>Under their names there.</summary>
    internal IReadOnlyList<KeyValuePair<string, string>> Settings { get; }

    /// <summary>What the loss trains beside the model, one for all that is computed of it; null: nothing, or nothing was computed yet.</summary>
    internal LossMatrices? Matrices { get; private set; }

    /// <summary>Whether a row is a query with documents and their labels.</summary>
    internal bool HasLists => _crossEncoder?.Requires.HasLists == true;

    /// <summary>What its labels are.</summary>
    internal LabelKind Labels => _biEncoder?.Requires.Labels ?? _crossEncoder!.Requires.Labels;

    /// <summary>Whether it cannot do without labels.</summary>
    internal bool NeedsLabels => Labels != LabelKind.None && !(_biEncoder?.Requires.LabelsAreOptional ?? _crossEncoder!.Requires.LabelsAreOptional);

    /// <summary>Whether its negatives are the batch's other rows.</summary>
    internal bool HasInBatchNegatives => _biEncoder?.Requires.MasksEqualTexts ?? DrawsNegatives;

    /// <summary>Whether it is a cross-encoder's that pairs queries with documents of the batch's other rows.</summary>
    internal bool DrawsNegatives => _crossEncoder?.Requires.DrawsNegatives == true;

    /// <summary>The loss of a guess without knowledge; null: there is no such number.</summary>
    /// <param name="data">That is trained on.</param>
    /// <param name="batchSize">Of a full batch, whose texts a query chooses from.</param>
    /// <param name="outputs">Of the model.</param>
    internal double? AtChance(TrainingData data, int batchSize, int outputs)
    {
        int rows = Math.Min(batchSize, data.Count), columns = data.Rows.Tokens.Columns(0);
        if (_biEncoder is not null) { return AtChance(_biEncoder, data, rows, columns); }
        return _crossEncoder switch
        {
            Losses.Logits.BinaryCrossEntropyLoss { PositiveWeight: var weight } => Enumerable.Range(0, data.Rows.Labels![0].Length)
                .Average(output => OfBestScore(data.Rows.Labels!.Average(row => row[output]), weight)),
            Losses.Logits.CrossEntropyLoss loss => OfShares(data, outputs, loss.LabelSmoothing),
            Losses.Logits.MultipleNegativesRankingLoss loss => Math.Log(columns + Math.Min(loss.Negatives ?? int.MaxValue, (long)columns * (rows - 1))),
            Losses.Logits.ListNetLoss => Enumerable.Range(0, data.Count).Average(row => Math.Log(data.Rows.Tokens.Columns(row))),
            _ => null,
        };
    }

    private static double? AtChance(BiEncoderLoss loss, TrainingData data, int rows, int columns) => loss switch
    {
        MatryoshkaLoss matryoshka => matryoshka.Weight * AtChance(matryoshka.Inner, data, rows, columns),
        SoftmaxLoss { Classes: var classes } => OfShares(data, classes, smoothing: 0),
        MultipleNegativesRankingLoss { PerDirection: var isBoth } =>
            (Math.Log((long)rows * (columns - 1)) + Math.Log(isBoth ? rows : (long)rows * (columns - 1))) / 2,
        _ => null,
    };

    // Always the best score: of a share p of positives that count w times w p / (w p + 1 - p), which is 1/2 where both weigh the same.
    private static double OfBestScore(double positive, double weight)
    {
        double score = weight * positive / (weight * positive + 1 - positive);
        return CrossEntropy(weight * positive, score) + CrossEntropy(1 - positive, 1 - score);
    }

    // Always the shares of the classes: their entropy, ln n where all are as many.
    private static double OfShares(TrainingData data, int classes, double smoothing)
    {
        double[] shares = [.. Enumerable.Repeat(smoothing / classes, classes)];
        double[][] counted = [.. data.Rows.Labels!.Where(row => row[0] >= 0)]; // of CrossEntropyLoss some do not count
        foreach (double[] row in counted) { shares[(int)row[0]] += (1 - smoothing) / counted.Length; }
        return shares.Sum(share => CrossEntropy(share, share));
    }

    private static double CrossEntropy(double share, double probability) => share == 0 ? 0 : -share * Math.Log(probability);

    /// <summary>The loss over a data set.</summary>
    /// <param name="network">That is trained.</param>
    /// <param name="data">What the loss takes.</param>
    /// <param name="arguments">Seed, and whether equal texts are masked.</param>
    /// <exception cref="LossDataException">The data are not what the loss takes.</exception>
    internal Objective Over(TrainingNetwork network, TrainingData data, TrainingArguments arguments)
    {
        TrainingRows rows = data.Rows;
        LossDataException.ThrowIf(DrawsNegatives && data.Columns.Length < 2,
            $"{data.Source}: {Name} takes a query, its positive and any number of negatives: name two columns of texts or more.");
        if (arguments.MaskDuplicates)
        {
            LossDataException.ThrowIf(_biEncoder?.Requires.MasksEqualTexts != true,
                $"mask_duplicates: {Name} has no in-batch negatives that equal texts could be taken out of{(DrawsNegatives
                    ? " after they are drawn; use batch_sampler no_duplicates" : "")}.");
            rows = rows with { Texts = data.Texts };
        }
        try
        {
            if (_biEncoder is null) { return new CrossEncoderObjective(network, _crossEncoder!, rows, arguments.Seed, arguments.MicroBatchTokens); }
            if (Matrices is null && _biEncoder.Parameters(network.Parameters.Network.OutputSize) is { Count: > 0 } parameters)
            {
                Matrices = new LossMatrices(parameters, arguments.Seed);
            }
            return new BiEncoderObjective(network, _biEncoder, rows, arguments.Seed, Matrices, arguments.MicroBatchTokens);
        }
        catch (LossDataException error) { throw new LossDataException($"{data.Source}: {error.Message}"); }
    }

    private static MatryoshkaLoss Matryoshka(BiEncoderLoss loss, TrainingArguments arguments)
    {
        if (arguments.MatryoshkaWeights.Count is not 0 and int weights && weights != arguments.MatryoshkaDims.Count)
        {
            throw new ArgumentException($"matryoshka_weights: {weights} weights for {arguments.MatryoshkaDims.Count} dimensions. Give as many.");
        }
        return new MatryoshkaLoss(loss, [.. arguments.MatryoshkaDims], arguments.MatryoshkaWeights.Count == 0 ? null : [.. arguments.MatryoshkaWeights])
        {
            MiniBatchSize = loss.MiniBatchSize,
            DimensionsPerStep = arguments.MatryoshkaDimsPerStep,
        };
    }
}
