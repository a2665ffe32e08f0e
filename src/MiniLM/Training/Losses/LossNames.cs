using MiniLM.Training.Losses.Embeddings;
using CrossEncoderLosses = MiniLM.Training.Losses.Logits;

namespace MiniLM.Training.Losses;

/// <summary>Losses by their names in sentence-transformers, with or without "Loss", in any case.</summary>
internal static class LossNames
{
    private static readonly (string, Measure)[] Distances =
        [("cosine", Measure.CosineDistance), ("euclidean", Measure.Euclidean), ("manhattan", Measure.Manhattan)];

    private static readonly (string, Measure)[] Similarities = [("cosine", Measure.Cosine), ("dot", Measure.Dot)];

    private static readonly Dictionary<string, Func<LossSettings, BiEncoderLoss>> BiEncoder = new(StringComparer.OrdinalIgnoreCase)
    {
        ["AnglELoss"] = settings => new AnglELoss { Scale = settings.Positive("scale", 20) },
        ["BatchAllTripletLoss"] = settings => new BatchAllTripletLoss
        {
            Distance = Distance(settings, Measure.Euclidean),
            Margin = settings.Number("margin", 5)
        },
        ["BatchHardSoftMarginTripletLoss"] = settings => new BatchHardSoftMarginTripletLoss { Distance = Distance(settings, Measure.Euclidean) },
        ["BatchHardTripletLoss"] = settings => new BatchHardTripletLoss
        {
            Distance = Distance(settings, Measure.Euclidean),
            Margin = settings.Number("margin", 5)
        },
        ["BatchSemiHardTripletLoss"] = settings =>
            new BatchSemiHardTripletLoss { Distance = Distance(settings, Measure.Euclidean), Margin = settings.Number("margin", 5) },
        ["CachedGISTEmbedLoss"] = settings => new CachedGISTEmbedLoss
        {
            Temperature = settings.Positive("temperature", .01),
            Margin = settings.Number("margin", 0),
            MiniBatchSize = settings.Whole("mini_batch_size", 32),
        },
        ["CachedMultipleNegativesRankingLoss"] = settings => new CachedMultipleNegativesRankingLoss
        {
            Scale = settings.Positive("scale", 20),
            Similarity = CosineOrDot(settings),
            MiniBatchSize = settings.Whole("mini_batch_size", 32),
        },
        ["CachedMultipleNegativesSymmetricRankingLoss"] = settings => new CachedMultipleNegativesSymmetricRankingLoss
        {
            Scale = settings.Positive("scale", 20),
            Similarity = CosineOrDot(settings),
            MiniBatchSize = settings.Whole("mini_batch_size", 32),
        },
        ["CoSENTLoss"] = settings => new CoSENTLoss { Scale = settings.Positive("scale", 20) },
        ["ContrastiveLoss"] = settings => new ContrastiveLoss
        {
            Distance = Distance(settings, Measure.CosineDistance),
            Margin = settings.Number("margin", .5),
            SizeAverage = settings.Flag("size_average", true),
        },
        ["ContrastiveTensionLoss"] = _ => new ContrastiveTensionLoss(),
        ["ContrastiveTensionLossInBatchNegatives"] = settings => new ContrastiveTensionLossInBatchNegatives { Scale = settings.Positive("scale", 20) },
        ["CosineSimilarityLoss"] = _ => new CosineSimilarityLoss(),
        ["DistillKLDivLoss"] = settings => new DistillKLDivLoss
        {
            Similarity = settings.Choice("similarity_fct", Measure.Dot, Similarities),
            StudentTemperature = settings.Positive("student_temperature", 1),
            TeacherTemperature = settings.Positive("teacher_temperature", 1),
        },
        ["EmbedDistillLoss"] = settings => new EmbedDistillLoss
        {
            Metric = settings.Choice("distance_metric", DistillMetric.Cosine, ("mse", DistillMetric.Mse), ("l2", DistillMetric.L2),
                ("cosine", DistillMetric.Cosine)),
            ProjectionWidth = settings.WholeOrNone("projection_dim", null),
        },
        ["GISTEmbedLoss"] = settings => new GISTEmbedLoss { Temperature = settings.Positive("temperature", .01), Margin = settings.Number("margin", 0) },
        ["GlobalOrthogonalRegularizationLoss"] = settings => new GlobalOrthogonalRegularizationLoss
        {
            MeanWeight = settings.Number("mean_weight", 1),
            SecondMomentWeight = settings.Number("second_moment_weight", 1),
        },
        ["MSELoss"] = settings => new MSELoss { ProjectionWidth = settings.WholeOrNone("projection_dim", null) },
        ["MarginMSELoss"] = settings => new MarginMSELoss { Similarity = settings.Choice("similarity_fct", Measure.Dot, Similarities) },
        ["MegaBatchMarginLoss"] = settings => new MegaBatchMarginLoss
        {
            PositiveMargin = settings.Number("positive_margin", .8),
            NegativeMargin = settings.Number("negative_margin", .3),
            MiniBatchSize = settings.Whole("mini_batch_size", 50),
        },
        ["MultipleNegativesRankingLoss"] = settings =>
            new MultipleNegativesRankingLoss { Scale = settings.Positive("scale", 20), Similarity = CosineOrDot(settings) },
        ["MultipleNegativesSymmetricRankingLoss"] = settings =>
            new MultipleNegativesSymmetricRankingLoss { Scale = settings.Positive("scale", 20), Similarity = CosineOrDot(settings) },
        ["OnlineContrastiveLoss"] = settings =>
            new OnlineContrastiveLoss { Distance = Distance(settings, Measure.CosineDistance), Margin = settings.Number("margin", .5) },
        ["SoftmaxLoss"] = settings => new SoftmaxLoss
        {
            Classes = settings.Whole("num_labels", 3, least: 2),
            HasEmbeddings = settings.Flag("concatenation_sent_rep", true),
            HasDifference = settings.Flag("concatenation_sent_difference", true),
            HasProduct = settings.Flag("concatenation_sent_multiplication", false),
        },
        ["TripletLoss"] = settings => new TripletLoss
        {
            Distance = settings.Choice("distance_metric", Measure.Euclidean, Distances),
            Margin = settings.Number("triplet_margin", 5),
        },
    };

    private static readonly Dictionary<string, Func<LossSettings, CrossEncoderLoss>> CrossEncoder = new(StringComparer.OrdinalIgnoreCase)
    {
        ["ADRMSELoss"] = settings => new CrossEncoderLosses.ADRMSELoss { Alpha = settings.Number("alpha", 1) },
        ["BinaryCrossEntropyLoss"] = settings => new CrossEncoderLosses.BinaryCrossEntropyLoss { PositiveWeight = settings.Positive("pos_weight", 1) },
        ["CachedMultipleNegativesRankingLoss"] = settings => new CrossEncoderLosses.CachedMultipleNegativesRankingLoss
        {
            Scale = settings.Positive("scale", 10),
            Negatives = settings.WholeOrNone("num_negatives", 4),
            MiniBatchSize = settings.Whole("mini_batch_size", 32),
        },
        ["CircleLoss"] = settings => new CrossEncoderLosses.CircleLoss { Gamma = settings.Positive("gamma", 10), Margin = settings.Number("margin", .25) },
        ["CrossEntropyLoss"] = settings => new CrossEncoderLosses.CrossEntropyLoss { LabelSmoothing = settings.Number("label_smoothing", 0) },
        ["LambdaLoss"] = settings => new CrossEncoderLosses.LambdaLoss
        {
            Weighting = settings.Choice("weighting_scheme", CrossEncoderLosses.LambdaWeighting.NDCGLoss2PP,
                [.. Enum.GetValues<CrossEncoderLosses.LambdaWeighting>().Select(scheme => (scheme.ToString(), scheme))]),
            K = settings.WholeOrNone("k", null),
            Sigma = settings.Positive("sigma", 1),
            Mu = settings.Number("mu", 10),
        },
        ["ListMLELoss"] = settings => new CrossEncoderLosses.ListMLELoss { RespectInputOrder = settings.Flag("respect_input_order", true) },
        ["ListNetLoss"] = _ => new CrossEncoderLosses.ListNetLoss(),
        ["MSELoss"] = _ => new CrossEncoderLosses.MSELoss(),
        ["MarginMSELoss"] = _ => new CrossEncoderLosses.MarginMSELoss(),
        ["MultipleNegativesRankingLoss"] = settings => new CrossEncoderLosses.MultipleNegativesRankingLoss
        {
            Scale = settings.Positive("scale", 10),
            Negatives = settings.WholeOrNone("num_negatives", 4),
        },
        ["PListMLELoss"] = settings => new CrossEncoderLosses.PListMLELoss { RespectInputOrder = settings.Flag("respect_input_order", true) },
        ["RankNetLoss"] = settings => new CrossEncoderLosses.RankNetLoss { K = settings.WholeOrNone("k", null), Sigma = settings.Positive("sigma", 1) },
    };

    // What sentence-transformers has beside these, and why a name does not give it.
    private static readonly Dictionary<string, string> Unnamed = new(StringComparer.OrdinalIgnoreCase)
    {
        ["AdaptiveLayerLoss"] = "it needs the outputs of inner layers, which training does not keep",
        ["Matryoshka2dLoss"] = "it needs the outputs of inner layers, which training does not keep",
        ["DenoisingAutoEncoderLoss"] = "it needs a decoder",
        ["MatryoshkaLoss"] = "it goes around another loss; name that one, and the dimensions beside it",
    };

    internal static IReadOnlyCollection<string> BiEncoderNames => BiEncoder.Keys;

    internal static IReadOnlyCollection<string> CrossEncoderNames => CrossEncoder.Keys;

    /// <summary>A bi-encoder's loss with the settings that are given, and else those it has by default.</summary>
    /// <exception cref="ArgumentException">One line: there is none of that name; these are near, or all.</exception>
    internal static BiEncoderLoss FindBiEncoder(string name, LossSettings? settings = null) =>
        Find(name, settings, BiEncoder, CrossEncoder.Keys, "bi-encoder", "cross-encoder");

    /// <summary>A cross-encoder's loss with the settings that are given, and else those it has by default.</summary>
    /// <exception cref="ArgumentException">One line: there is none of that name; these are near, or all.</exception>
    internal static CrossEncoderLoss FindCrossEncoder(string name, LossSettings? settings = null) =>
        Find(name, settings, CrossEncoder, BiEncoder.Keys, "cross-encoder", "bi-encoder");

    private static Measure Distance(LossSettings settings, Measure absent) => settings.Choice("distance_metric", absent, Distances);

    private static Similarity CosineOrDot(LossSettings settings) =>
        settings.Choice("similarity_fct", Similarity.Cosine, ("cosine", Similarity.Cosine), ("dot", Similarity.Dot));

    private static TLoss Find<TLoss>(
        string name, LossSettings? settings, Dictionary<string, Func<LossSettings, TLoss>> known, IEnumerable<string> others, string kind, string otherKind)
    {
        settings ??= new LossSettings();
        string[] spellings = [name, name + "Loss"];
        foreach (string spelling in spellings)
        {
            if (known.TryGetValue(spelling, out Func<LossSettings, TLoss>? make))
            {
                TLoss loss = make(settings);
                settings.Check(spelling);
                return loss;
            }
            if (Unnamed.TryGetValue(spelling, out string? why)) { throw new ArgumentException($"loss {name} cannot be had by its name: {why}."); }
            if (others.Contains(spelling, StringComparer.OrdinalIgnoreCase))
            {
                throw new ArgumentException($"loss {name} is for a {otherKind}, and this is a {kind}.");
            }
        }
        string advice = NearNames.Suggest(name, known.Keys) is { Length: > 0 } near ? near : $" It is one of {string.Join(", ", known.Keys)}.";
        throw new ArgumentException($"no loss of a {kind} is named {Quoted.Text(name)}.{advice}");
    }
}
