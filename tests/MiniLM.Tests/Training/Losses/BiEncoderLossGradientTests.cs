using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Embeddings;

namespace MiniLM.Tests.Training.Losses;

/// <summary>The gradient of each bi-encoder loss is that of its value, at random sizes.</summary>
public sealed class BiEncoderLossGradientTests
{
    private const Directions AllDirections = Directions.QueryToDoc | Directions.QueryToQuery | Directions.DocToQuery | Directions.DocToDoc;

    private static readonly Dictionary<string, Func<BiEncoderLoss>> Losses = new()
    {
        ["angle"] = () => new AnglELoss { Scale = 4 },
        ["batch all"] = () => new BatchAllTripletLoss { Margin = 1 },
        ["batch hard"] = () => new BatchHardTripletLoss { Margin = 1 },
        ["batch hard soft"] = () => new BatchHardSoftMarginTripletLoss { Distance = Measure.CosineDistance },
        ["batch semi-hard"] = () => new BatchSemiHardTripletLoss { Margin = 1, Distance = Measure.Manhattan },
        ["cosent"] = () => new CoSENTLoss { Scale = 4 },
        ["contrastive"] = () => new ContrastiveLoss { Margin = .9 },
        ["contrastive euclidean"] = () => new ContrastiveLoss { Margin = 2, Distance = Measure.Euclidean, SizeAverage = false },
        ["contrastive manhattan"] = () => new ContrastiveLoss { Margin = 3, Distance = Measure.Manhattan },
        ["contrastive tension"] = () => new ContrastiveTensionLoss(),
        ["contrastive tension in batch"] = () => new ContrastiveTensionLossInBatchNegatives { Scale = 3 },
        ["cosine"] = () => new CosineSimilarityLoss(),
        ["distill kl"] = () => new DistillKLDivLoss { StudentTemperature = 2, TeacherTemperature = .7 },
        ["distill kl cosine"] = () => new DistillKLDivLoss { Similarity = Measure.Cosine },
        ["embed distill cosine"] = () => new EmbedDistillLoss(),
        ["embed distill l2"] = () => new EmbedDistillLoss { Metric = DistillMetric.L2, ProjectionWidth = 4 },
        ["gist"] = () => new GISTEmbedLoss { Temperature = .2 },
        ["gist relative"] = () => new CachedGISTEmbedLoss { Temperature = .2, MarginIsRelative = true, Margin = .1, ContrastAnchors = false },
        ["regularization"] = () => new GlobalOrthogonalRegularizationLoss { MeanWeight = 2, SecondMomentWeight = .5 },
        ["regularization sum"] = () => new GlobalOrthogonalRegularizationLoss { IsSum = true },
        ["margin mse"] = () => new MarginMSELoss(),
        ["margin mse cosine"] = () => new MarginMSELoss { Similarity = Measure.Cosine },
        ["matryoshka"] = () => new MatryoshkaLoss(new MultipleNegativesRankingLoss { Scale = 3 }, [2, 1], [.5, 2]),
        ["mega batch"] = () => new MegaBatchMarginLoss { PositiveMargin = .95, NegativeMargin = -.5 },
        ["mse"] = () => new MSELoss { ProjectionWidth = 3 },
        ["ranking"] = () => new MultipleNegativesRankingLoss { Scale = 5 },
        ["ranking in all directions"] = () => new MultipleNegativesRankingLoss { Scale = 5, Directions = AllDirections },
        ["ranking by dot"] = () => new MultipleNegativesRankingLoss { Scale = 1, Similarity = Similarity.Dot },
        ["ranking both ways"] = () => new MultipleNegativesSymmetricRankingLoss { Scale = 5 },
        ["online contrastive"] = () => new OnlineContrastiveLoss { Margin = .9 },
        ["softmax"] = () => new SoftmaxLoss { HasProduct = true },
        ["triplet"] = () => new TripletLoss { Margin = 1 },
    };

    public static TheoryData<string, int, int> SmallBatches()
    {
        TheoryData<string, int, int> cases = [];
        foreach (string name in Losses.Keys)
        {
            foreach ((int rows, int width) in new[] { (1, 3), (2, 2), (6, 9), (9, 5) }) { cases.Add(name, rows, width); }
        }
        return cases;
    }

    [Theory, MemberData(nameof(SmallBatches))]
    public void Gradient_IsTheDerivative(string name, int rows, int width) => Compare(Losses[name](), rows, width, extraColumns: rows % 2);

    // More rows than are multiplied at a time, and not a multiple of them.
    [Theory]
    [InlineData("ranking in all directions")]
    [InlineData("ranking both ways")]
    [InlineData("contrastive tension in batch")]
    [InlineData("gist")]
    [InlineData("mega batch")]
    [InlineData("regularization")]
    public void Gradient_OfManyRows_IsTheDerivative(string name) => Compare(Losses[name](), SimilarityBlock<double>.Rows * 2 + 3, 6, extraColumns: 0);

    private static void Compare(BiEncoderLoss loss, int rows, int width, int extraColumns)
    {
        RandomBatch random = new(seed: 100 * rows + width);
        int columns = Math.Min(loss.Requires.MinColumns + extraColumns, loss.Requires.MaxColumns);
        BiEncoderBatch<double> batch = random.Columns(columns, rows, width) with
        {
            Labels = LabelsOf(loss, random, columns, rows, width),
            Guide = loss.Requires.HasGuide ? random.Columns(columns, rows, 4).Columns : [],
        };
        batch = batch with
        {
            Parameters = [.. loss.Parameters(width).Select(matrix => new Column<double>(random.Numbers(matrix.Rows * matrix.Width), matrix.Width))],
        };
        loss.Compute(batch);
        double[][][] gradients = [.. new[] { batch.Columns, batch.Parameters }.Select(all => all.Select(column => column.Gradient.ToArray()).ToArray())];
        foreach (bool isParameter in new[] { false, true })
        {
            IReadOnlyList<Column<double>> all = isParameter ? batch.Parameters : batch.Columns;
            for (int i = 0; i < all.Count; i++)
            {
                double[] values = all[i].Values.ToArray();
                Column<double>[] changed = [.. all];
                int at = i;
                random.CompareWithDifferences(() =>
                {
                    changed[at] = new Column<double>(values, all[at].Width);
                    return loss.Compute(isParameter ? batch with { Parameters = changed } : batch with { Columns = changed });
                }, values, gradients[isParameter ? 1 : 0][i]);
            }
        }
    }

    private static Labels? LabelsOf(BiEncoderLoss loss, RandomBatch random, int columns, int rows, int width) => loss.Requires.Labels switch
    {
        LabelKind.None => null,
        LabelKind.Embedding => random.Labels(LabelKind.Number, rows, loss is EmbedDistillLoss { ProjectionWidth: { } projected } ? projected : width * columns),
        LabelKind kind => random.Labels(kind, rows, loss is MarginMSELoss or DistillKLDivLoss ? columns - 1 : 1),
    };
}
