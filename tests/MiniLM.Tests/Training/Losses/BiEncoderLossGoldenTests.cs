using System.Numerics;
using System.Text.Json;
using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Embeddings;

namespace MiniLM.Tests.Training.Losses;

/// <summary>Values and gradients of every bi-encoder loss against sentence-transformers in float64.</summary>
public sealed class BiEncoderLossGoldenTests
{
    // They need inner layers' outputs, which training does not keep (docs/architecture.md).
    private static readonly string[] LeftOut = ["AdaptiveLayerLoss", "Matryoshka2dLoss"];

    [Theory]
    [InlineData("losses")]
    [InlineData("losses_more")]
    public void EveryLoss_InDouble(string file) => RunAll<double>(file);

    [Theory]
    [InlineData("losses")]
    [InlineData("losses_more")]
    public void EveryLoss_InFloat(string file) => RunAll<float>(file);

    private static void RunAll<T>(string file) where T : IBinaryFloatingPointIeee754<T>
    {
        using Golden golden = new(SharedFolder.Require("golden", "training", file + ".safetensors"));
        int compared = 0;
        foreach (GoldenCase test in GoldenCase.Read(golden, file).Where(test => test.Has("a") && !LeftOut.Contains(test.Operation)))
        {
            Run<T>(test);
            compared++;
        }
        Assert.True(compared > 0);
    }

    private static void Run<T>(GoldenCase test) where T : IBinaryFloatingPointIeee754<T>
    {
        BiEncoderLoss loss = Make(test.Operation, test.Parameters, test);
        string[] names = [.. Present(test, "a", "b", "c", "d", "e", "f")];
        string[] parameters = [.. Present(test, "w", "bias", "logit_scale")];
        BiEncoderBatch<T> batch = new([.. names.Select(name => Column<T>(test, name))])
        {
            Labels = test.Has("labels") ? new Labels(test.Input<double>("labels"), test.Shape("labels").Skip(1).Aggregate(1, (a, b) => a * b)) : null,
            Guide = [.. Present(test, "ga", "gb", "gc", "gd", "ge", "gf").Select(name => Column<T>(test, name))],
            Parameters = [.. parameters.Select(name => Column<T>(test, name))],
            Dimensions = test.Parameters.TryGetProperty("dims_used", out JsonElement dims) ? Integers(dims) : null,
        };
        if (loss is GlobalOrthogonalRegularizationLoss regularization)
        {
            (double mean, double secondMoment) = regularization.Terms(batch);
            if (Number(test.Parameters, "mean_weight", 0) > 0) { test.Check<T>("out.gor_mean", [T.CreateChecked(mean)]); }
            else { Assert.Equal(0, mean); }
            if (Number(test.Parameters, "second_moment_weight", 0) > 0) { test.Check<T>("out.gor_second_moment", [T.CreateChecked(secondMoment)]); }
            else { Assert.Equal(0, secondMoment); }
        }
        else { test.Check<T>("out.y", [T.CreateChecked(loss.Compute(batch))]); }
        for (int i = 0; i < names.Length; i++) { test.Check<T>($"grad.{names[i]}", batch.Columns[i].Gradient); }
        for (int i = 0; i < parameters.Length; i++) { test.Check<T>($"grad.{parameters[i]}", batch.Parameters[i].Gradient); }
    }

    private static IEnumerable<string> Present(GoldenCase test, params string[] names) => names.Where(test.Has);

    private static Column<T> Column<T>(GoldenCase test, string name) where T : IBinaryFloatingPointIeee754<T>
    {
        T[] values = test.Input<T>(name);
        int[] shape = test.Shape(name);
        return new Column<T>(values, shape.Length == 0 ? 1 : shape[^1]);
    }

    private static BiEncoderLoss Make(string operation, JsonElement settings, GoldenCase test) => operation switch
    {
        "CosineSimilarityLoss" => new CosineSimilarityLoss(),
        "MultipleNegativesRankingLoss" => new MultipleNegativesRankingLoss
        {
            Scale = Number(settings, "scale"),
            Similarity = Similarity(settings),
            Directions = Directions(settings),
            PerDirection = Text(settings, "partition_mode") == "per_direction",
            HardnessMode = Text(settings, "hardness_mode") switch
            {
                "in_batch_negatives" => HardnessMode.InBatchNegatives,
                "hard_negatives" => HardnessMode.HardNegatives,
                "all_negatives" => HardnessMode.AllNegatives,
                null => HardnessMode.None,
                string other => throw new NotSupportedException(other),
            },
            HardnessStrength = Number(settings, "hardness_strength", 0),
        },
        "MultipleNegativesSymmetricRankingLoss" => new MultipleNegativesSymmetricRankingLoss
        {
            Scale = Number(settings, "scale"),
            Similarity = Similarity(settings),
        },
        "OnlineContrastiveLoss" => new OnlineContrastiveLoss { Margin = Number(settings, "margin"), PairsForExtreme = Text(settings, "rule") == "5.1" ? 2 : 1 },
        "ContrastiveLoss" => new ContrastiveLoss
        {
            Margin = Number(settings, "margin"),
            Distance = Distance(settings),
            SizeAverage = settings.GetProperty("size_average").GetBoolean(),
        },
        "TripletLoss" => new TripletLoss { Margin = Number(settings, "margin"), Distance = Distance(settings) },
        "CoSENTLoss" => new CoSENTLoss { Scale = Number(settings, "scale") },
        "AnglELoss" => new AnglELoss { Scale = Number(settings, "scale") },
        "MarginMSELoss" => new MarginMSELoss { Similarity = PairSimilarity(settings) },
        "DistillKLDivLoss" => new DistillKLDivLoss
        {
            Similarity = PairSimilarity(settings),
            StudentTemperature = Number(settings, "student_temperature", Number(settings, "temperature", 1)),
            TeacherTemperature = Number(settings, "teacher_temperature", Number(settings, "temperature", 1)),
        },
        // The first is the second with fewer negatives.
        "GISTEmbedLoss" or "CachedGISTEmbedLoss" => new CachedGISTEmbedLoss
        {
            Temperature = Number(settings, "temperature"),
            Margin = Number(settings, "margin"),
            MarginIsRelative = Text(settings, "margin_strategy") == "relative",
            ContrastAnchors = settings.GetProperty("contrast_anchors").GetBoolean(),
            ContrastPositives = settings.GetProperty("contrast_positives").GetBoolean(),
        },
        "MegaBatchMarginLoss" => new MegaBatchMarginLoss
        {
            PositiveMargin = Number(settings, "positive_margin"),
            NegativeMargin = Number(settings, "negative_margin"),
        },
        "BatchAllTripletLoss" => new BatchAllTripletLoss { Margin = Number(settings, "margin"), Distance = Distance(settings) },
        "BatchHardTripletLoss" => new BatchHardTripletLoss { Margin = Number(settings, "margin"), Distance = Distance(settings) },
        "BatchHardSoftMarginTripletLoss" => new BatchHardSoftMarginTripletLoss { Distance = Distance(settings) },
        "BatchSemiHardTripletLoss" => new BatchSemiHardTripletLoss { Margin = Number(settings, "margin"), Distance = Distance(settings) },
        "SoftmaxLoss" => new SoftmaxLoss
        {
            Classes = (int)Number(settings, "num_labels"),
            HasEmbeddings = settings.GetProperty("concatenation_sent_rep").GetBoolean(),
            HasDifference = settings.GetProperty("concatenation_sent_difference").GetBoolean(),
            HasProduct = settings.GetProperty("concatenation_sent_multiplication").GetBoolean(),
        },
        "ContrastiveTensionLoss" => new ContrastiveTensionLoss(),
        "ContrastiveTensionLossInBatchNegatives" => new ContrastiveTensionLossInBatchNegatives { Scale = Number(settings, "initial_scale") },
        "GlobalOrthogonalRegularizationLoss" => new GlobalOrthogonalRegularizationLoss
        {
            MeanWeight = Number(settings, "mean_weight", 0),
            SecondMomentWeight = Number(settings, "second_moment_weight", 0),
            IsSum = Text(settings, "aggregation") == "sum",
        },
        "EmbedDistillLoss" => new EmbedDistillLoss
        {
            Metric = Enum.Parse<DistillMetric>(Text(settings, "distance_metric")!, ignoreCase: true),
            ProjectionWidth = Projection(settings),
        },
        "MSELoss (embeddings)" => new MSELoss { ProjectionWidth = Projection(settings) },
        "MatryoshkaLoss" => new MatryoshkaLoss(
            Make(Text(settings, "loss")!, settings.GetProperty("loss_params"), test), Integers(settings.GetProperty("dims")),
            [.. settings.GetProperty("weights").EnumerateArray().Select(weight => weight.GetDouble())])
        {
            DimensionsPerStep = (int)Number(settings, "n_dims_per_step") is > 0 and int count ? count : null,
        },
        _ => throw new NotSupportedException($"{test.Name}: nothing computes {operation}"),
    };

    private static int? Projection(JsonElement settings) => Number(settings, "projection_dim", 0) is > 0 and double width ? (int)width : null;

    private static int[] Integers(JsonElement list) => [.. list.EnumerateArray().Select(item => item.GetInt32())];

    private static double Number(JsonElement settings, string name, double? absent = null) =>
        settings.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble()
            : absent ?? throw new InvalidOperationException($"no {name}");

    private static string? Text(JsonElement settings, string name) => settings.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    private static Similarity Similarity(JsonElement settings) =>
        Text(settings, "similarity") == "dot" ? MiniLM.Training.Losses.Similarity.Dot : MiniLM.Training.Losses.Similarity.Cosine;

    private static Measure PairSimilarity(JsonElement settings) => Text(settings, "similarity") == "cos" ? Measure.Cosine : Measure.Dot;

    private static Measure Distance(JsonElement settings) => Text(settings, "distance") switch
    {
        "1-cos" or "cos" => Measure.CosineDistance,
        "euclidean" => Measure.Euclidean,
        "manhattan" => Measure.Manhattan,
        string other => throw new NotSupportedException(other),
        null => throw new NotSupportedException("no distance"),
    };

    private static Directions Directions(JsonElement settings) => !settings.TryGetProperty("directions", out JsonElement names)
        ? MiniLM.Training.Losses.Embeddings.Directions.QueryToDoc
        : names.EnumerateArray().Select(name => Enum.Parse<Directions>(name.GetString()!.Replace("_", "", StringComparison.Ordinal), ignoreCase: true))
            .Aggregate((all, one) => all | one);
}
