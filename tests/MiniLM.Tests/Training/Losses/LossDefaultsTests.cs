using MiniLM.Model;
using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Embeddings;
using CrossEncoderLosses = MiniLM.Training.Losses.Logits;

namespace MiniLM.Tests.Training.Losses;

/// <summary>A loss made by its name alone is the one that sentence-transformers makes.</summary>
public sealed class LossDefaultsTests
{
    [Fact]
    public void BiEncoderLosses_HaveTheDefaultsOfSentenceTransformers()
    {
        MultipleNegativesRankingLoss ranking = new();
        Assert.Equal((20, Similarity.Cosine, Directions.QueryToDoc, false), (ranking.Scale, ranking.Similarity, ranking.Directions, ranking.PerDirection));
        Assert.Equal((HardnessMode.None, 0), (ranking.HardnessMode, ranking.HardnessStrength));
        MultipleNegativesSymmetricRankingLoss both = new();
        Assert.Equal((20, Directions.QueryToDoc | Directions.DocToQuery, true), (both.Scale, both.Directions, both.PerDirection));
        Assert.Equal((20, 20, 20), (new CoSENTLoss().Scale, new AnglELoss().Scale, new ContrastiveTensionLossInBatchNegatives().Scale));
        ContrastiveLoss contrastive = new();
        Assert.Equal((.5, Measure.CosineDistance, true), (contrastive.Margin, contrastive.Distance, contrastive.SizeAverage));
        OnlineContrastiveLoss online = new();
        Assert.Equal((.5, Measure.CosineDistance, 1), (online.Margin, online.Distance, online.PairsForExtreme));
        Assert.Equal((5, Measure.Euclidean), (new TripletLoss().Margin, new TripletLoss().Distance));
        Assert.Equal((5, 5, 5), (new BatchAllTripletLoss().Margin, new BatchHardTripletLoss().Margin, new BatchSemiHardTripletLoss().Margin));
        Assert.Equal(Measure.Euclidean, new BatchHardSoftMarginTripletLoss().Distance);
        Assert.Equal((Measure.Dot, Measure.Dot), (new MarginMSELoss().Similarity, new DistillKLDivLoss().Similarity));
        Assert.Equal((1, 1), (new DistillKLDivLoss().StudentTemperature, new DistillKLDivLoss().TeacherTemperature));
        GISTEmbedLoss gist = new();
        Assert.Equal((.01, 0, false, true, true), (gist.Temperature, gist.Margin, gist.MarginIsRelative, gist.ContrastAnchors, gist.ContrastPositives));
        Assert.Equal((.8, .3), (new MegaBatchMarginLoss().PositiveMargin, new MegaBatchMarginLoss().NegativeMargin));
        SoftmaxLoss softmax = new();
        Assert.Equal((true, true, false, 3), (softmax.HasEmbeddings, softmax.HasDifference, softmax.HasProduct, softmax.Classes));
        GlobalOrthogonalRegularizationLoss regularization = new();
        Assert.Equal((1, 1, false), (regularization.MeanWeight, regularization.SecondMomentWeight, regularization.IsSum));
        Assert.Equal((DistillMetric.Cosine, DistillMetric.Mse), (new EmbedDistillLoss().Metric, new MSELoss().Metric));
        Assert.Null(new MSELoss().ProjectionWidth);
    }

    [Fact]
    public void MatryoshkaWeights_AreOneEach()
    {
        BiEncoderBatch<double> Pairs() => new RandomBatch(4).Columns(2, 3, 4);
        Assert.Equal(new MatryoshkaLoss(new MultipleNegativesRankingLoss(), [4, 2], [1, 1]).Compute(Pairs()),
            new MatryoshkaLoss(new MultipleNegativesRankingLoss(), [4, 2]).Compute(Pairs()));
    }

    [Fact]
    public void CrossEncoderLosses_HaveTheDefaultsOfSentenceTransformers()
    {
        CrossEncoderLosses.MultipleNegativesRankingLoss ranking = new();
        Assert.Equal((10, 4, ClassifierActivation.Sigmoid), (ranking.Scale, ranking.Negatives, ranking.Activation));
        CrossEncoderLosses.LambdaLoss lambda = new();
        Assert.Equal(
            (CrossEncoderLosses.LambdaWeighting.NDCGLoss2PP, 10, null, 1, false), (lambda.Weighting, lambda.Mu, lambda.K, lambda.Sigma, lambda.IsNatural));
        CrossEncoderLosses.RankNetLoss rankNet = new();
        Assert.Equal((CrossEncoderLosses.LambdaWeighting.None, 1), (rankNet.Weighting, rankNet.Sigma));
        Assert.True(new CrossEncoderLosses.PListMLELoss() is { RespectInputOrder: true, HasWeights: true });
        Assert.True(new CrossEncoderLosses.ListMLELoss() is { RespectInputOrder: true, HasWeights: false });
        Assert.Equal((1, 0, 1), (new CrossEncoderLosses.BinaryCrossEntropyLoss().PositiveWeight, new CrossEncoderLosses.CrossEntropyLoss().LabelSmoothing,
            new CrossEncoderLosses.ADRMSELoss().Alpha));
        Assert.Equal(ClassifierActivation.Identity, new CrossEncoderLosses.MSELoss().Activation);
        CrossEncoderLosses.CircleLoss circle = new();
        Assert.Equal((10, .25, true, ClassifierActivation.Sigmoid), (circle.Gamma, circle.Margin, circle.IsDetached, circle.Activation));
    }
}
