using System.Numerics;
using System.Text.Json;
using MiniLM.Model;
using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Logits;

namespace MiniLM.Tests.Training.Losses;

/// <summary>Values and gradients of every cross-encoder loss, and of the two that PyTorch itself has, against float64.</summary>
public sealed class CrossEncoderLossGoldenTests
{
    [Theory]
    [InlineData("losses")]
    [InlineData("losses_more")]
    [InlineData("ops")]
    public void EveryLoss_InDouble(string file) => RunAll<double>(file);

    [Theory]
    [InlineData("losses")]
    [InlineData("losses_more")]
    [InlineData("ops")]
    public void EveryLoss_InFloat(string file) => RunAll<float>(file);

    [Fact]
    public void CircleLoss_InDouble() => RunCircle<double>();

    [Fact]
    public void CircleLoss_InFloat() => RunCircle<float>();

    [Theory]
    [InlineData("losses")]
    [InlineData("losses_more")]
    public void EveryCase_IsEmbeddingsOrLogitsOrCircleScores(string file)
    {
        using Golden golden = new(SharedFolder.Require("golden", "training", file + ".safetensors"));
        Assert.All(GoldenCase.Read(golden, file), test => Assert.True(test.Has("a") || test.Has("logits") || test.Has("pos"), test.Name));
    }

    private static void RunAll<T>(string file) where T : IBinaryFloatingPointIeee754<T>
    {
        using Golden golden = new(SharedFolder.Require("golden", "training", file + ".safetensors"));
        int compared = 0;
        foreach (GoldenCase test in GoldenCase.Read(golden, file).Where(test => test.Has("logits")))
        {
            T[] logits = test.Input<T>("logits"), gradient = new T[logits.Length];
            double value = Make(test).Compute<T>(logits, Targets(test), gradient);
            test.Check<T>("out.y", [T.CreateChecked(value)]);
            test.Check<T>("grad.logits", gradient);
            compared++;
        }
        Assert.True(compared > 0);
    }

    private static CrossEncoderTargets Targets(GoldenCase test)
    {
        int[] shape = test.Shape("logits");
        string labels = test.Has("targets") ? "targets" : "labels";
        // Input order is what these take; labels say the same or are not taken.
        bool hasLabels = test.Has(labels) && !Flag(test, "respect_input_order");
        int[] labelShape = test.Has(labels) ? test.Shape(labels) : [1];
        return new CrossEncoderTargets
        {
            Outputs = shape.Length > 1 ? shape[1] : 1,
            Columns = test.Parameters.TryGetProperty("columns", out JsonElement columns) ? columns.GetInt32()
                : test.Parameters.TryGetProperty("negatives", out JsonElement negatives) ? negatives.GetInt32() + 1 : 1,
            Lists = test.Has("sizes") ? test.Integers("sizes") : null,
            Labels = hasLabels ? new Labels(test.Input<double>(labels), labelShape.Length > 1 ? labelShape[1] : 1) : null,
        };
    }

    private static CrossEncoderLoss Make(GoldenCase test)
    {
        ClassifierActivation activation = Text(test, "activation") == "sigmoid" ? ClassifierActivation.Sigmoid : ClassifierActivation.Identity;
        return test.Operation switch
        {
            "BinaryCrossEntropyLoss" or "bce_logits" => new BinaryCrossEntropyLoss { PositiveWeight = Number(test, "pos_weight", 1) },
            "CrossEntropyLoss" or "cross_entropy" => new CrossEntropyLoss { LabelSmoothing = Number(test, "label_smoothing") },
            "MSELoss (cross-encoder)" => new MSELoss { Activation = activation },
            "MarginMSELoss (cross-encoder)" => new MarginMSELoss { Activation = activation },
            "LambdaLoss" => new LambdaLoss
            {
                Weighting = Enum.Parse<LambdaWeighting>(Text(test, "weighting")!),
                Mu = Number(test, "mu"),
                K = Number(test, "k", 0) is > 0 and double k ? (int)k : null,
                Sigma = Number(test, "sigma"),
                IsNatural = Text(test, "reduction_log") == "natural",
            },
            "RankNetLoss" => new RankNetLoss
            {
                K = Number(test, "k", 0) is > 0 and double k ? (int)k : null,
                Sigma = Number(test, "sigma"),
                IsNatural = Text(test, "reduction_log") == "natural",
            },
            "ListNetLoss" => new ListNetLoss(),
            "ListMLELoss" => new ListMLELoss { RespectInputOrder = Flag(test, "respect_input_order") },
            "PListMLELoss" => new PListMLELoss { RespectInputOrder = Flag(test, "respect_input_order"), HasWeights = Text(test, "weight") is not null },
            "MultipleNegativesRankingLoss (cross-encoder)" => Ranking(test, activation),
            "ADRMSELoss" => new ADRMSELoss { Alpha = Number(test, "alpha"), Activation = activation },
            _ => throw new NotSupportedException($"{test.Name}: nothing computes {test.Operation}"),
        };
    }

    private static MultipleNegativesRankingLoss Ranking(GoldenCase test, ClassifierActivation activation)
    {
        int[] shape = test.Shape("negatives"), expected = test.Integers("negatives");
        int queries = shape[0], documents = 1 + (int)Number(test, "hard_negatives");
        MultipleNegativesRankingLoss loss = new()
        {
            Activation = activation,
            Scale = Number(test, "scale"),
            Negatives = Number(test, "num_negatives", 0) is > 0 and double count ? (int)count : null,
        };
        int[][] drawn = loss.Draw(queries, documents, seed: 1, step: 2);
        for (int query = 0; query < queries; query++)
        {
            Assert.Equal(shape[1], drawn[query].Distinct().Count());
            Assert.All(drawn[query], document => Assert.True(document % queries != query && document < queries * documents));
            // Where nothing is drawn, all others are taken in their order.
            if (shape[1] == documents * (queries - 1)) { Assert.Equal(expected[(query * shape[1])..((query + 1) * shape[1])], drawn[query]); }
        }
        return loss;
    }

    // The cases give scores, so there is no activation.
    private static void RunCircle<T>() where T : IBinaryFloatingPointIeee754<T>
    {
        using Golden golden = new(SharedFolder.Require("golden", "training", "losses.safetensors"));
        int compared = 0;
        foreach (GoldenCase test in GoldenCase.Read(golden, "losses").Where(test => test.Has("pos")))
        {
            T[] positives = test.Input<T>("pos"), scores = [.. positives, .. test.Input<T>("neg")], gradient = new T[scores.Length];
            CircleLoss loss = new()
            {
                Activation = ClassifierActivation.Identity,
                Gamma = Number(test, "gamma"),
                Margin = Number(test, "m"),
                IsDetached = Text(test, "weight") == "detached",
            };
            CrossEncoderTargets targets = new()
            {
                Lists = [scores.Length],
                Labels = new Labels([.. scores.Select((_, i) => i < positives.Length ? 1.0 : 0)]),
            };
            test.Check<T>("out.y", [T.CreateChecked(loss.Compute<T>(scores, targets, gradient))]);
            test.Check<T>("grad.pos", gradient.AsSpan(0, positives.Length));
            test.Check<T>("grad.neg", gradient.AsSpan(positives.Length));
            compared++;
        }
        Assert.True(compared > 0);
    }

    [Fact]
    public void CircleLoss_OfAListwiseRerankersGolden()
    {
        using JsonDocument scored = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("golden", "listconranker", "grad", "circle-scores.json")));
        int compared = 0;
        foreach (JsonElement test in scored.RootElement.GetProperty("cases").EnumerateArray())
        {
            foreach (bool isDetached in new[] { true, false })
            {
                Compare(test, ClassifierActivation.Identity, [test.GetProperty("labels").GetArrayLength()], "scores", isDetached,
                    isDetached ? "d_scores_detached" : "d_scores_full", test.GetProperty("labels"));
                compared++;
            }
        }
        using JsonDocument logits = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Require("golden", "listconranker", "grad", "losses.json")));
        foreach (JsonElement test in logits.RootElement.GetProperty("runs").EnumerateArray().Where(run => run.GetProperty("loss").GetString() == "circle"))
        {
            int[] lists = [.. logits.RootElement.GetProperty("pair_num").EnumerateArray().Select(item => item.GetInt32())];
            bool isDetached = test.GetProperty("detach").GetBoolean();
            Compare(test, ClassifierActivation.Sigmoid, lists, "logits", isDetached, "d_logits", logits.RootElement.GetProperty("labels"));
            compared++;
        }
        Assert.True(compared > 0);
    }

    private static void Compare(
        JsonElement test, ClassifierActivation activation, int[] lists, string input, bool isDetached, string gradientName, JsonElement labels)
    {
        double[] values = Doubles(test.GetProperty(input)), gradient = new double[values.Length];
        CircleLoss loss = new()
        {
            Activation = activation,
            Gamma = test.GetProperty("gamma").GetDouble(),
            Margin = test.GetProperty("margin").GetDouble(),
            IsDetached = isDetached,
        };
        double value = loss.Compute<double>(values, new CrossEncoderTargets { Lists = lists, Labels = new Labels(Doubles(labels)) }, gradient);
        GoldenCase.Relative<double>([test.GetProperty("value").GetDouble()], [value], 1e-9, "value");
        GoldenCase.Relative<double>(Doubles(test.GetProperty(gradientName)), gradient, 1e-9, gradientName);
    }

    private static double[] Doubles(JsonElement list) => [.. list.EnumerateArray().Select(item => item.GetDouble())];

    private static double Number(GoldenCase test, string name, double? absent = null) =>
        test.Parameters.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble()
            : absent ?? throw new InvalidOperationException($"{test.Name} has no {name}");

    private static string? Text(GoldenCase test, string name) => test.Parameters.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    private static bool Flag(GoldenCase test, string name) => test.Parameters.TryGetProperty(name, out JsonElement value) && value.GetBoolean();
}
