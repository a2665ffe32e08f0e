using System.Globalization;
using System.Reflection;
using MiniLM.Model;
using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Embeddings;
using CrossEncoderLosses = MiniLM.Training.Losses.Logits;

namespace MiniLM.Tests.Training.Losses;

/// <summary>A loss made by its name alone is the one that sentence-transformers makes.</summary>
public sealed class LossDefaultsTests
{
    // Name, settings with their defaults, least and most columns.
    private static readonly (string Name, string Settings, int MinColumns, int MaxColumns)[] BiEncoders =
    [
        ("AnglELoss", "scale=20", 2, BiEncoderInputs.Any),
        ("BatchAllTripletLoss", "distance_metric=euclidean, margin=5", 1, 1),
        ("BatchHardSoftMarginTripletLoss", "distance_metric=euclidean", 1, 1),
        ("BatchHardTripletLoss", "distance_metric=euclidean, margin=5", 1, 1),
        ("BatchSemiHardTripletLoss", "distance_metric=euclidean, margin=5", 1, 1),
        ("CachedGISTEmbedLoss", "temperature=0.01, margin=0, mini_batch_size=32", 2, BiEncoderInputs.Any),
        ("CachedMultipleNegativesRankingLoss", "scale=20, similarity_fct=cosine, mini_batch_size=32", 2, BiEncoderInputs.Any),
        ("CachedMultipleNegativesSymmetricRankingLoss", "scale=20, similarity_fct=cosine, mini_batch_size=32", 2, BiEncoderInputs.Any),
        ("CoSENTLoss", "scale=20", 2, 2),
        ("ContrastiveLoss", "distance_metric=cosine, margin=0.5, size_average=true", 2, 2),
        ("ContrastiveTensionLoss", "", 2, 2),
        ("ContrastiveTensionLossInBatchNegatives", "scale=20", 2, 2),
        ("CosineSimilarityLoss", "", 2, 2),
        ("DistillKLDivLoss", "similarity_fct=dot, student_temperature=1, teacher_temperature=1", 3, BiEncoderInputs.Any),
        ("EmbedDistillLoss", "distance_metric=cosine, projection_dim=none", 1, BiEncoderInputs.Any),
        ("GISTEmbedLoss", "temperature=0.01, margin=0", 2, 3),
        ("GlobalOrthogonalRegularizationLoss", "mean_weight=1, second_moment_weight=1", 1, BiEncoderInputs.Any),
        ("MSELoss", "projection_dim=none", 1, BiEncoderInputs.Any),
        ("MarginMSELoss", "similarity_fct=dot", 3, BiEncoderInputs.Any),
        ("MegaBatchMarginLoss", "positive_margin=0.8, negative_margin=0.3, mini_batch_size=50", 2, 2),
        ("MultipleNegativesRankingLoss", "scale=20, similarity_fct=cosine", 2, BiEncoderInputs.Any),
        ("MultipleNegativesSymmetricRankingLoss", "scale=20, similarity_fct=cosine", 2, BiEncoderInputs.Any),
        ("OnlineContrastiveLoss", "distance_metric=cosine, margin=0.5", 2, 2),
        ("SoftmaxLoss",
            "num_labels=3, concatenation_sent_rep=true, concatenation_sent_difference=true, concatenation_sent_multiplication=false", 2, 2),
        ("TripletLoss", "distance_metric=euclidean, triplet_margin=5", 3, 3),
    ];

    // Name, settings with their defaults, least columns.
    private static readonly (string Name, string Settings, int MinColumns)[] CrossEncoders =
    [
        ("ADRMSELoss", "alpha=1", 1),
        ("BinaryCrossEntropyLoss", "pos_weight=1", 1),
        ("CachedMultipleNegativesRankingLoss", "scale=10, num_negatives=4, mini_batch_size=32", 1),
        ("CircleLoss", "gamma=10, margin=0.25", 1),
        ("CrossEntropyLoss", "label_smoothing=0", 1),
        ("LambdaLoss", "weighting_scheme=NDCGLoss2PP, k=none, sigma=1, mu=10", 1),
        ("ListMLELoss", "respect_input_order=true", 1),
        ("ListNetLoss", "", 1),
        ("MSELoss", "", 1),
        ("MarginMSELoss", "", 2),
        ("MultipleNegativesRankingLoss", "scale=10, num_negatives=4", 1),
        ("PListMLELoss", "respect_input_order=true", 1),
        ("RankNetLoss", "k=none, sigma=1", 1),
    ];

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
    public void EveryName_HasTheDefaultsOfItsClass_AndSettingsThatReachIt()
    {
        Assert.Equal(LossNames.BiEncoderNames.Order(), BiEncoders.Select(loss => loss.Name).Order());
        Assert.Equal(LossNames.CrossEncoderNames.Order(), CrossEncoders.Select(loss => loss.Name).Order());
        Assert.All(BiEncoders, loss => Compare(loss.Settings, settings => LossNames.FindBiEncoder(loss.Name, settings)));
        Assert.All(CrossEncoders, loss => Compare(loss.Settings, settings => LossNames.FindCrossEncoder(loss.Name, settings)));
    }

    [Fact]
    public void EveryLoss_TakesItsNumberOfColumns()
    {
        foreach ((string name, _, int least, int most) in BiEncoders)
        {
            BiEncoderInputs inputs = LossNames.FindBiEncoder(name).Requires;
            Assert.Equal((name, least, most), (name, inputs.MinColumns, inputs.MaxColumns));
        }
        Assert.All(CrossEncoders, loss => Assert.Equal(loss.MinColumns, LossNames.FindCrossEncoder(loss.Name).Requires.MinColumns));
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

    private static void Compare(string defaults, Func<LossSettings, object> make)
    {
        LossSettings asked = new();
        object plain = make(asked);
        Assert.Equal(defaults, string.Join(", ", asked.Values.Select(setting => $"{setting.Key}={setting.Value}")));
        Assert.Equal(Properties(Activator.CreateInstance(plain.GetType(), nonPublic: true)!), Properties(plain));
        foreach ((string name, string value) in asked.Values)
        {
            string other = Other(plain, name, value);
            LossSettings settings = new();
            settings.Set(name, other);
            // One property is another, and has the number that was given.
            object? changed = Assert.Single(Properties(make(settings)).Except(Properties(plain))).Value;
            if (double.TryParse(other, CultureInfo.InvariantCulture, out double number)) { Assert.Equal(number, Convert.ToDouble(changed, null)); }
        }
    }

    private static string Other(object loss, string name, string value) => (name, value) switch
    {
        ("distance_metric", _) => loss is EmbedDistillLoss ? "l2" : "manhattan",
        ("similarity_fct", "cosine") => "dot",
        ("similarity_fct", _) => "cosine",
        ("weighting_scheme", _) => "LambdaRank",
        (_, "true") => "false",
        (_, "false") => "true",
        _ => "7",
    };

    private static Dictionary<string, object?> Properties(object loss) =>
        loss.GetType().GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Where(property => property.CanWrite)
            .ToDictionary(property => property.Name, property => property.GetValue(loss));
}
