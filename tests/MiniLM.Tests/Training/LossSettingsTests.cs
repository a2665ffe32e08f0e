using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Embeddings;
using CrossLosses = MiniLM.Training.Losses.Logits;

namespace MiniLM.Tests.Training;

public sealed class LossSettingsTests
{
    private static BiEncoderLoss BiEncoder(string text)
    {
        (string name, LossSettings settings) = LossSettings.Parse(text);
        return LossNames.FindBiEncoder(name, settings);
    }

    [Fact]
    public void Settings_ReachTheLoss()
    {
        Assert.Equal((1.5, Measure.CosineDistance), BiEncoder("Triplet( triplet_margin=1.5,distance_metric=cosine )") is TripletLoss triplet
            ? (triplet.Margin, triplet.Distance) : default);
        Assert.Equal((5.0, Measure.Euclidean), BiEncoder("TripletLoss") is TripletLoss plain ? (plain.Margin, plain.Distance) : default);
        Assert.Equal(64, BiEncoder("CachedMultipleNegativesRanking(mini_batch_size=64)").MiniBatchSize);
        Assert.False(Assert.IsType<ContrastiveLoss>(BiEncoder("Contrastive(size_average=false)")).SizeAverage);
        (string name, LossSettings settings) = LossSettings.Parse("LambdaLoss(k=none, weighting_scheme=LambdaRank, mu=3)");
        CrossLosses.LambdaLoss lambda = Assert.IsType<CrossLosses.LambdaLoss>(LossNames.FindCrossEncoder(name, settings));
        Assert.Equal((null, CrossLosses.LambdaWeighting.LambdaRank, 3.0), (lambda.K, lambda.Weighting, lambda.Mu));
        Assert.Equal(["weighting_scheme=LambdaRank", "k=none", "sigma=1", "mu=3"], settings.Values.Select(entry => $"{entry.Key}={entry.Value}"));
    }

    [Theory]
    [InlineData("Triplet(margin=1)", "TripletLoss has no setting 'margin': it has distance_metric, triplet_margin.")]
    [InlineData("CosineSimilarity(scale=1)", "CosineSimilarityLoss has no setting 'scale': it has none.")]
    [InlineData("Triplet(triplet_margin=x)", "loss setting triplet_margin=x: give a number.")]
    [InlineData("Triplet(distance_metric=dot)", "loss setting distance_metric=dot: give one of cosine, euclidean, manhattan.")]
    [InlineData("Contrastive(size_average=1)", "loss setting size_average=1: give true or false.")]
    [InlineData("MegaBatchMargin(mini_batch_size=0)", "loss setting mini_batch_size=0: give a whole number from 1 up.")]
    [InlineData("Softmax(num_labels=1)", "loss setting num_labels=1: give a whole number from 2 up.")]
    [InlineData("Triplet(triplet_margin)", "is no setting; write setting=value.")]
    [InlineData("Triplet(a=1", "write it as Name(setting=value, ...).")]
    [InlineData("Triplet(a=1,a=2)", "loss setting 'a' is given twice.")]
    public void WhatALossDoesNotHave_IsRefusedInOneLine(string text, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => BiEncoder(text)).Message.Replace('"', '\''), StringComparison.Ordinal);

    [Fact]
    public void TheLeastThereIs_IsTaken()
    {
        Assert.Equal(1, BiEncoder("MegaBatchMargin(mini_batch_size=1)").MiniBatchSize);
        Assert.Equal(2, Assert.IsType<SoftmaxLoss>(BiEncoder("Softmax(num_labels=2)")).Classes);
        (string name, LossSettings settings) = LossSettings.Parse("BinaryCrossEntropy(pos_weight=0)");
        Assert.Equal("loss setting pos_weight=0: give a number above 0.",
            Assert.Throws<ArgumentException>(() => LossNames.FindCrossEncoder(name, settings)).Message);
    }

    [Fact]
    public void ANumberOfDocuments_IsOneOrNone()
    {
        foreach ((string value, int? k) in new (string, int?)[] { ("10", 10), ("1", 1), ("none", null), ("None", null) })
        {
            (string name, LossSettings settings) = LossSettings.Parse($"LambdaLoss(k={value})");
            Assert.Equal(k, Assert.IsType<CrossLosses.LambdaLoss>(LossNames.FindCrossEncoder(name, settings)).K);
        }
        (string lambda, LossSettings wrong) = LossSettings.Parse("LambdaLoss(k=0)");
        Assert.Throws<ArgumentException>(() => LossNames.FindCrossEncoder(lambda, wrong));
    }
}
