using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Embeddings;

namespace MiniLM.Tests.Training.Losses;

public sealed class BiEncoderLossTests
{
    private static BiEncoderBatch<double> Batch(int width, params double[][] columns) => new([.. columns.Select(column => new Column<double>(column, width))]);

    // A published fine-tune on duplicate questions: pairs labelled 0 went into this loss, which took them for positives.
    [Fact]
    public void QuestionPairsLabelled0And1_AreRefusedByInBatchNegatives()
    {
        BiEncoderBatch<double> batch = Batch(2, [1, 0, 0, 1], [1, 0, 0, 1]) with { Labels = new Labels([1, 0]) };
        foreach (BiEncoderLoss loss in new BiEncoderLoss[] { new MultipleNegativesRankingLoss(), new CachedMultipleNegativesRankingLoss() })
        {
            string message = Assert.Throws<LossDataException>(() => loss.Compute(batch)).Message;
            Assert.Equal($"{loss.Name} does not look at labels, so a pair labelled 0 would be trained as a positive: labelled pairs go to ContrastiveLoss, "
                + $"OnlineContrastiveLoss or CosineSimilarityLoss; for {loss.Name} give triplets or only the positives, without a label column.", message);
        }
    }

    // A published retrieval system: mined negatives were added as pairs labelled 0, which made the model worse. Columns alone show it, before the first batch.
    [Fact]
    public void MinedNegativesAsPairsLabelled0_AreRefusedBeforeTheFirstBatch()
    {
        MultipleNegativesRankingLoss loss = new();
        foreach (int columns in new[] { 2, 3 })
        {
            string message = Assert.Throws<LossDataException>(() => loss.CheckColumns(columns, hasLabels: true)).Message;
            Assert.Contains("give triplets or only the positives", message, StringComparison.Ordinal);
        }
        loss.CheckColumns(2, hasLabels: false);
        loss.CheckColumns(7, hasLabels: false);
        Assert.Throws<LossDataException>(() => loss.CheckColumns(1, hasLabels: false));
    }

    [Fact]
    public void WrongData_IsRefusedWithARemedy()
    {
        BiEncoderBatch<double> pairs = Batch(2, [1, 0, 0, 1], [1, 0, 0, 1]);
        Refuses(new TripletLoss(), pairs, "an anchor, a positive and a negative, 3 columns, not 2");
        Refuses(new MultipleNegativesRankingLoss(), Batch(2, [1, 0]), "an anchor, a positive and any number of negatives, 2 or more columns, not 1");
        BiEncoderBatch<double> four = Batch(1, [1], [1], [1], [1]);
        Refuses(new GISTEmbedLoss(), four with { Guide = four.Columns }, "(CachedGISTEmbedLoss: any number), 2 to 3 columns, not 4");
        Refuses(new CosineSimilarityLoss(), pairs, "needs labels: name the label column");
        Refuses(new CosineSimilarityLoss(), pairs with { Labels = new([0, 5]) }, "label 5 of row 2: CosineSimilarityLoss does not take it; it takes cosines");
        Refuses(new CosineSimilarityLoss(), pairs with { Labels = new([0, -1.5]) }, "label -1.5 of row 2");
        Refuses(new ContrastiveLoss(), pairs with { Labels = new([1, -1]) }, "write -1 as 0");
        Refuses(new OnlineContrastiveLoss(), pairs with { Labels = new([.5, 1]) }, "label 0.5 of row 1");
        Refuses(new CoSENTLoss(), pairs with { Labels = new([double.NaN, 1]) }, "finite");
        Refuses(new CoSENTLoss(), pairs with { Labels = new([1, 1, 1]) }, "3 rows of labels for 2 rows of texts");
        Refuses(new CoSENTLoss(), pairs with { Labels = new([1, 1, 1, 1], 2) }, "one label a row, not 2");
        Refuses(new AnglELoss(), pairs, "needs labels for pairs");
        Refuses(new BatchAllTripletLoss(), Batch(2, [1, 0]) with { Labels = new([1.5]) }, "the numbers of classes");
        Refuses(new BatchAllTripletLoss(), Batch(2, [1, 0]) with { Labels = new([-1]) }, "the numbers of classes");
        Refuses(new GISTEmbedLoss(), pairs, "needs a guide's embeddings of all 2 columns of texts, not of 0: name a guide model");
        Refuses(new GISTEmbedLoss(), pairs with { Guide = [pairs.Columns[0], new Column<double>(new double[2], 2)] }, "guide column 2 is 1 x 2, not 2 x 2");
        Refuses(new TripletLoss(), Batch(1, [1], [1], [1]) with { Guide = pairs.Columns }, "takes no guide");
        Refuses(new CosineSimilarityLoss(), pairs with { Texts = [[0, 1], [2, 3]], Labels = new([0, 1]) }, "no in-batch negatives");
        Refuses(new MultipleNegativesRankingLoss(), pairs with { Texts = [[0, 1]] }, "not every text has a number");
        Refuses(new MultipleNegativesRankingLoss(), pairs with { Texts = [[0, 1], [2]] }, "not every text has a number");
        Refuses(new MultipleNegativesRankingLoss(), Batch(2, [1, 0, 0, 1], [1, 0]), "column 2 is 1 x 2, not 2 x 2");
        Refuses(new MultipleNegativesRankingLoss(), Batch(2, [], []), "column 1 is 0 x 2");
        Refuses(new MultipleNegativesRankingLoss(), Batch(2, [1, 0], [1, 0]) with { Parameters = pairs.Columns }, "0 trained matrices; 2 were given");
        BiEncoderBatch<double> Classified(int label, int weights) =>
            pairs with { Labels = new([0, label]), Parameters = [new(new double[weights], 6), new(new double[3], 3)] };
        Refuses(new SoftmaxLoss(), Classified(3, 18), "label 3 of row 2: SoftmaxLoss was made for 3 classes, 0 to 2");
        Refuses(new SoftmaxLoss(), Classified(1, 12), "classifier.weight 1 is 2 x 6, not 3 x 6");
        BiEncoderBatch<double> triplets = Batch(1, [1], [2], [3]);
        Refuses(new MarginMSELoss(), triplets with { Labels = new([1, 2, 3], 3) }, "1 margins a row for 1 negatives, or 2 scores, not 3");
        Refuses(new DistillKLDivLoss(), triplets with { Labels = new([1.0]) }, "2 scores a row for 2 candidates, not 1");
        Refuses(new EmbedDistillLoss(), Batch(2, [1, 0]) with { Labels = new([1, 2, 3], 3) }, "needs a projection");
        Refuses(new MatryoshkaLoss(new MultipleNegativesRankingLoss(), [2]), pairs with { Labels = new([1, 0]) }, "MatryoshkaLoss does not look at labels");
        Assert.Throws<LossDataException>(() => new MatryoshkaLoss(new SoftmaxLoss(), [1]).Parameters(2));
        Refuses(new MatryoshkaLoss(new MultipleNegativesRankingLoss(), [2, 3]), pairs, "3 dimensions of embeddings of 2. Give 1 to 2");
        Assert.Throws<ArgumentException>(() => new MatryoshkaLoss(new MultipleNegativesRankingLoss(), [2]).Compute(pairs with { Dimensions = [1] }));
        Assert.Throws<ArgumentException>(() => new MatryoshkaLoss(new MultipleNegativesRankingLoss(), [2, 1]) { DimensionsPerStep = 1 }.Compute(pairs));
        Assert.Throws<ArgumentException>(() => new MultipleNegativesRankingLoss { Directions = Directions.DocToQuery }.Compute(pairs));
        Assert.Throws<ArgumentException>(() =>
            new MultipleNegativesRankingLoss { Directions = Directions.QueryToDoc | Directions.DocToDoc, PerDirection = true }.Compute(pairs));
    }

    private static void Refuses(BiEncoderLoss loss, BiEncoderBatch<double> batch, string part)
    {
        string message = Assert.Throws<LossDataException>(() => loss.Compute(batch)).Message;
        Assert.Contains(part, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void LabelsAtTheEndsOfTheirRange_AreTaken()
    {
        BiEncoderBatch<double> pairs = Batch(2, [1, 0, 0, 1], [1, 0, 0, 1]);
        Assert.Equal(2, new CosineSimilarityLoss().Compute(pairs with { Labels = new([1, -1]) }), 1e-14);
        Assert.Equal(.0625, new ContrastiveLoss().Compute(pairs with { Labels = new([1, 0]) }), 1e-14);
    }

    [Fact]
    public void LabelsOfEachKind_HaveTheirRange()
    {
        (LabelKind Kind, double[] Taken, double[] Refused)[] kinds =
        [
            (LabelKind.Binary, [0, 1], [-1, .5, 2]),
            (LabelKind.Probability, [0, .5, 1], [-1e-9, 1 + 1e-9]),
            (LabelKind.Cosine, [-1, 0, 1], [-1 - 1e-9, 1 + 1e-9]),
            (LabelKind.Class, [0, 1, int.MaxValue], [-1, .5, int.MaxValue + 1.0]),
            (LabelKind.Number, [-1e300, 0, 1e300], [double.NegativeInfinity]),
        ];
        foreach ((LabelKind kind, double[] taken, double[] refused) in kinds)
        {
            new Labels(taken).Check("It", kind);
            foreach (double value in refused.Concat([double.NaN, double.PositiveInfinity]))
            {
                Assert.Contains(FormattableString.Invariant($"label {value} of row 2: It does not take it"),
                    Assert.Throws<LossDataException>(() => new Labels([1, 1, 1, value], 2).Check("It", kind)).Message, StringComparison.Ordinal);
            }
        }
    }

    // Rows and documents are unit vectors at right angles: logits 1 x scale for the own one, 0 for the other.
    [Fact]
    public void MultipleNegativesRanking_ByHand()
    {
        BiEncoderBatch<double> batch = Batch(2, [2, 0, 0, 3], [5, 0, 0, 1]);
        Assert.Equal(Math.Log(1 + Math.Exp(-2)), new MultipleNegativesRankingLoss { Scale = 2 }.Compute(batch), 1e-14);
        // d loss / d cosine of query 0 with document 1: scale x share / rows; a query's gradient is at right angles to it, over its norm.
        double share = Math.Exp(-2) / (1 + Math.Exp(-2));
        Assert.Equal([0, share / 2, share / 3, 0], batch.Columns[0].Gradient.ToArray(), (a, b) => Math.Abs(a - b) < 1e-13);
    }

    [Fact]
    public void Hardness_WeighsItsNegativesWithoutItsOwnGradient()
    {
        // Similarities of query 0: own .6, hard negative .8 (itself) and 0; one row, so there are no others.
        BiEncoderBatch<double> Row() => Batch(2, [1, 0], [.6, .8], [.8, .6]);
        double plain = new MultipleNegativesRankingLoss { Scale = 10 }.Compute(Row());
        Assert.Equal(Math.Log(1 + Math.Exp(8 - 6)), plain, 1e-13);
        foreach (HardnessMode mode in new[] { HardnessMode.HardNegatives, HardnessMode.AllNegatives })
        {
            BiEncoderBatch<double> batch = Row();
            double hard = new MultipleNegativesRankingLoss { Scale = 10, HardnessMode = mode, HardnessStrength = 5 }.Compute(batch);
            Assert.Equal(Math.Log(1 + Math.Exp(8 + 4 - 6)), hard, 1e-13);
            double share = 1 / (1 + Math.Exp(-6));
            // d loss / d a: 10 share (negative - positive) at right angles to a.
            Assert.Equal(10 * share * (.6 - .8), batch.Columns[0].Gradient[1], 1e-12);
        }
        MultipleNegativesRankingLoss ofOthers = new() { Scale = 10, HardnessMode = HardnessMode.InBatchNegatives, HardnessStrength = 5 };
        Assert.Equal(plain, ofOthers.Compute(Row()), 1e-14);
    }

    [Fact]
    public void EqualTexts_AreNegatives_UnlessTheirNumbersSaySo()
    {
        double[] queries = [1, 0, 0, 1, .6, .8], documents = [1, 0, 0, 1, 1, 0];
        MultipleNegativesRankingLoss loss = new() { Scale = 1 };
        double Row(int own, params double[] others) => Math.Log(others.Append(own).Sum(Math.Exp)) - own;
        Assert.Equal(
            (Math.Log(2 * Math.E + 1) - 1 + Math.Log(2 + Math.E) - 1 + Math.Log(2 * Math.Exp(.6) + Math.Exp(.8)) - .6) / 3,
            loss.Compute(Batch(2, queries, documents)), 1e-14);
        // Documents 0 and 2 are one text, so rows 0 and 2 keep document 1 alone beside their own; row 1 keeps both.
        BiEncoderBatch<double> masked = Batch(2, queries, documents) with { Texts = [[0, 1, 2], [3, 4, 3]] };
        Assert.Equal((Row(1, 0) + Math.Log(2 + Math.E) - 1 + Math.Log(Math.Exp(.6) + Math.Exp(.8)) - .6) / 3, loss.Compute(masked), 1e-14);
        // A document that is the query's own text is left out as well.
        BiEncoderBatch<double> echoed = Batch(2, queries, documents) with { Texts = [[4, 1, 2], [3, 4, 5]] };
        Assert.Equal((Math.Log(2 * Math.E) - 1 + Math.Log(2 + Math.E) - 1 + Math.Log(2 * Math.Exp(.6) + Math.Exp(.8)) - .6) / 3, loss.Compute(echoed), 1e-14);
        // From documents to queries: queries 0 and 1 are one text, so each is the other's only missing candidate.
        BiEncoderBatch<double> both = Batch(2, queries, documents) with { Texts = [[0, 0, 2], [3, 4, 5]] };
        double backward = (0.0 + Math.Log(Math.E + Math.Exp(.6)) - 1 + Math.Log(Math.E + Math.Exp(.8)) - 1 + Math.Log(Math.E + 1 + Math.Exp(.6)) - .6) / 3;
        double forward = (Math.Log(2 * Math.E + 1) - 1 + Math.Log(2 + Math.E) - 1 + Math.Log(2 * Math.Exp(.6) + Math.Exp(.8)) - .6) / 3;
        Assert.Equal((forward + backward) / 2, new MultipleNegativesSymmetricRankingLoss { Scale = 1 }.Compute(both), 1e-14);
    }

    [Fact]
    public void WhatHasNothingToLearn_HasAGradientOfExactlyZero()
    {
        RandomBatch random = new(3);
        BiEncoderBatch<double> Rows(int columns, int rows, params double[] labels) =>
            random.Columns(columns, rows, 5) with { Labels = labels.Length > 0 ? new Labels(labels) : null };
        (BiEncoderLoss Loss, BiEncoderBatch<double> Batch, double Value)[] cases =
        [
            (new MultipleNegativesRankingLoss(), Rows(2, 1), 0),
            (new MultipleNegativesSymmetricRankingLoss(), Rows(2, 1), 0),
            (new CoSENTLoss(), Rows(2, 3, .5, .5, .5), 0),
            (new AnglELoss(), Rows(2, 3, 1, 1, 1), 0),
            (new BatchAllTripletLoss(), Rows(1, 3, 1, 1, 1), 0),
            (new BatchAllTripletLoss(), Rows(1, 3, 0, 1, 2), 0),
            (new BatchHardTripletLoss(), Rows(1, 1, 1), 5),
            (new BatchSemiHardTripletLoss(), Rows(1, 1, 0), 0),
            (new OnlineContrastiveLoss(), Rows(2, 1, 1), 0),
            (new GlobalOrthogonalRegularizationLoss(), Rows(2, 1), 0),
            (new TripletLoss { Margin = -100 }, Rows(3, 4), 0),
        ];
        foreach ((BiEncoderLoss loss, BiEncoderBatch<double> batch, double value) in cases)
        {
            Assert.Equal(value, loss.Compute(batch), 1e-14);
            Assert.All(batch.Columns, column => Assert.All(column.Gradient.ToArray(), gradient => Assert.Equal(0, gradient)));
        }
    }

    [Fact]
    public void AnErrorOfExactlyZero_HasNoGradient()
    {
        (BiEncoderLoss Loss, BiEncoderBatch<double> Batch)[] cases =
        [
            (new TripletLoss { Margin = 2 }, Batch(1, [0], [1], [3])),
            // Pairs (0, 1) and (1, 0): 1 - 2 + 1 and 1 - 3 + 1.
            (new BatchAllTripletLoss { Margin = 1 }, Batch(1, [0, 1, -2]) with { Labels = new([0, 0, 1]) }),
            (new BatchSemiHardTripletLoss { Margin = 1 }, Batch(1, [0, 1, -2]) with { Labels = new([0, 0, 1]) }),
            // 3 - 6, 3 - 3, 1 - 4 and 1 - 3.
            (new BatchHardTripletLoss { Margin = 0 }, Batch(1, [0, 3, 7, 6]) with { Labels = new([0, 0, 1, 1]) }),
            (new MegaBatchMarginLoss { PositiveMargin = 1, NegativeMargin = 0 }, Batch(2, [1, 0, 0, 1], [1, 0, 0, 1])),
        ];
        foreach ((BiEncoderLoss loss, BiEncoderBatch<double> batch) in cases)
        {
            Assert.Equal(0, loss.Compute(batch));
            Assert.All(batch.Columns, column => Assert.All(column.Gradient.ToArray(), gradient => Assert.Equal(0, gradient)));
        }
    }

    // Of one pair whose order is wrong by so much that its exponential overflows, wherever both stand; the third is as the lower one, and far below.
    [Fact]
    public void RankedPairs_OfAnyTwo_DoNotOverflow()
    {
        for (int low = 0; low < 3; low++)
        {
            for (int high = 0; high < 3; high++)
            {
                if (low == high) { continue; }
                double[] s = new double[3], labels = new double[3], gradient = [7, 7, 7], expected = new double[3];
                (s[low], s[high], labels[high], expected[low], expected[high]) = (500, -500, 1, 2, -2);
                Assert.Equal(2000, RankedPairs.Compute(s, labels, 2, gradient), 1e-9);
                Assert.Equal(expected, gradient, (a, b) => Math.Abs(a - b) < 1e-12);
                // In the right order by as much.
                (s[low], s[high]) = (-500, 500);
                Assert.Equal(0, RankedPairs.Compute(s, labels, 2, gradient));
                Assert.All(gradient, value => Assert.Equal(0, value));
            }
        }
    }

    [Fact]
    public void RankedPairs_ByHand()
    {
        // Pairs (0, 1) and (0, 2): 10 x -.2 and 10 x -.1.
        double[] gradient = [7, 7, 7];
        double far = Math.Exp(-2), near = Math.Exp(-1), all = 1 + far + near;
        Assert.Equal(Math.Log(all), RankedPairs.Compute([.1, .3, .2], [0, 1, 1], 10, gradient), 1e-14);
        Assert.Equal([10 * (far + near) / all, -10 * far / all, -10 * near / all], gradient, (a, b) => Math.Abs(a - b) < 1e-13);
    }

    [Fact]
    public void SimilarityBlock_IsOfItsRows()
    {
        UnitRows<double> left = new(Batch(2, [1, 2, 3, 4, 5, 6]).Columns, Similarity.Dot), right = new(Batch(2, [1, 1, 2, 0]).Columns, Similarity.Dot);
        SimilarityBlock<double> block = new(left, right);
        block.Forward(1, 2);
        Assert.Equal([7, 6], block[0].ToArray());
        Assert.Equal([11, 10], block[1].ToArray());
        (block[0][0], block[0][1], block[1][0], block[1][1]) = (1, 0, 0, 2);
        block.Backward(2);
        Assert.Equal([0, 0, 1, 1, 4, 0], left.Gradient);
        Assert.Equal([1 * 3, 1 * 4, 2 * 5, 2 * 6], right.Gradient);
    }

    [Fact]
    public void LossesOfMoreRowsThanABlock_AreThoseOfTheDefinition()
    {
        const int Count = 2 * SimilarityBlock<double>.Rows + 3, Width = 3;
        BiEncoderBatch<double> batch = new RandomBatch(12).Columns(2, Count, Width);
        PairMeasure cosine = PairMeasure.Exact(Measure.Cosine);
        double Of(int column, int row, int otherColumn, int other) => cosine.Of(batch.Columns[column][row], batch.Columns[otherColumn][other]);
        int[] rows = [.. Enumerable.Range(0, Count)];
        double Forward(int row) => Math.Log(rows.Sum(other => Math.Exp(20 * Of(0, row, 1, other)))) - 20 * Of(0, row, 1, row);
        double Backward(int row) => Math.Log(rows.Sum(other => Math.Exp(20 * Of(0, other, 1, row)))) - 20 * Of(0, row, 1, row);
        Assert.Equal(rows.Average(Forward), new MultipleNegativesRankingLoss().Compute(batch), 1e-12);
        double both = (rows.Average(Forward) + rows.Average(Backward)) / 2;
        Assert.Equal(both, new MultipleNegativesSymmetricRankingLoss().Compute(batch), 1e-12);
        Assert.Equal(both, new ContrastiveTensionLossInBatchNegatives().Compute(batch with { Parameters = Batch(1, [Math.Log(20)]).Columns }), 1e-12);
        double Margin(int row) => Math.Max(0, .8 - Of(0, row, 1, row)) + Math.Max(0, rows.Where(other => other != row).Max(other => Of(0, row, 1, other)) - .3);
        Assert.Equal(rows.Average(Margin), new MegaBatchMarginLoss().Compute(batch), 1e-12);
        double Spread(int column)
        {
            double[] cosines = [.. rows.SelectMany(row => rows.Where(other => other != row).Select(other => Of(column, row, column, other)))];
            double mean = cosines.Average();
            return mean * mean + Math.Max(0, cosines.Average(value => value * value) - 1.0 / Width);
        }
        Assert.Equal((Spread(0) + Spread(1)) / 2, new GlobalOrthogonalRegularizationLoss().Compute(batch), 1e-12);
    }

    [Fact]
    public void ATeacherWithoutAnyDoubt_LeavesNoNaN()
    {
        // Shares 1 and 0, whose logarithm is minus infinity; the student's logits are 1 and 2.
        BiEncoderBatch<double> batch = Batch(1, [1], [1], [2]) with { Labels = new([0, -1e300], 2) };
        Assert.Equal(Math.Log(1 + Math.E), new DistillKLDivLoss { TeacherTemperature = 1e-10 }.Compute(batch), 1e-14);
    }

    // Norms below a floor count as the floor, 1e-8 in torch's cosine_similarity and 1e-12 where rows are normalised; the gradient is then that of x / floor.
    [Fact]
    public void SmallNorms_CountAsTheFloor()
    {
        BiEncoderBatch<double> batch = Batch(2, [1e-9, 0], [2, 0]) with { Labels = new([1.0]) };
        Assert.Equal(.81, new CosineSimilarityLoss().Compute(batch), 1e-14);
        Assert.Equal([-1.8e8, 0], batch.Columns[0].Gradient.ToArray(), (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.Equal(0, batch.Columns[1].Gradient[0], 1e-15);
        BiEncoderBatch<double> zero = Batch(2, [0, 0, 3, 4], [1, 0, 0, 1]);
        Assert.Equal((Math.Log(2) + Math.Log(1 + Math.Exp(-.2))) / 2, new MultipleNegativesRankingLoss { Scale = 1 }.Compute(zero), 1e-14);
        Assert.Equal([-.25e12, .25e12], zero.Columns[0].Gradient[..2].ToArray(), (a, b) => Math.Abs(a - b) < 1);
    }

    [Fact]
    public void OfEqualDistances_TheFirstCounts()
    {
        double[] Gradient(BatchTripletLoss loss, double[] texts, double[] classes)
        {
            BiEncoderBatch<double> batch = Batch(1, texts) with { Labels = new(classes) };
            loss.Compute(batch);
            return batch.Columns[0].Gradient.ToArray();
        }
        // Row 0 has both positives at distance 1 and both negatives at 2: rows 1 and 3 count. The other rows have no equal distances.
        Assert.Equal([0, 1, -.8, -.2, 0], Gradient(new BatchHardTripletLoss { Margin = 10 }, [0, 1, -1, 2, -2], [0, 0, 0, 1, 1]),
            (a, b) => Math.Abs(a - b) < 1e-14);
        // (0, 1) has both negatives at 2: row 2 counts, and all four pairs together pull nowhere; row 3 would leave [-.5, 0, .25, .25].
        Assert.Equal([0, 0, 0, 0], Gradient(new BatchSemiHardTripletLoss { Margin = 10 }, [0, 1, 2, -2], [0, 0, 1, 1]), (a, b) => Math.Abs(a - b) < 1e-14);
        BiEncoderBatch<double> mega = Batch(2, [1, 0, 0, 1, 0, -1], [1, 0, 0, 1, 0, -1]);
        new MegaBatchMarginLoss { NegativeMargin = -1 }.Compute(mega);
        // The other documents are at right angles to query 0: the first of them pushes.
        Assert.Equal([0, 1.0 / 3], mega.Columns[0].Gradient[..2].ToArray(), (a, b) => Math.Abs(a - b) < 1e-14);
    }

    [Fact]
    public void Gradients_AreAdded()
    {
        BiEncoderBatch<double> batch = new RandomBatch(5).Columns(2, 4, 3);
        MultipleNegativesRankingLoss loss = new();
        loss.Compute(batch);
        double[] once = batch.Columns[1].Gradient.ToArray();
        loss.Compute(batch);
        Assert.Equal(once.Select(value => 2 * value), batch.Columns[1].Gradient.ToArray());
    }

    [Fact]
    public void CachedForms_AreTheSameNumbersAndNameTheirMiniBatch()
    {
        RandomBatch random = new(9);
        BiEncoderBatch<double> pairs = random.Columns(2, 70, 4);
        BiEncoderBatch<double> again = new([.. pairs.Columns.Select(column => new Column<double>(column.Values.ToArray(), 4))]);
        Assert.Equal(new MultipleNegativesRankingLoss().Compute(pairs), new CachedMultipleNegativesRankingLoss().Compute(again));
        Assert.Equal(pairs.Columns[0].Gradient.ToArray(), again.Columns[0].Gradient.ToArray());
        Assert.Equal(new MultipleNegativesSymmetricRankingLoss().Compute(pairs), new CachedMultipleNegativesSymmetricRankingLoss().Compute(pairs));
        Assert.Equal(32, new CachedMultipleNegativesRankingLoss().MiniBatchSize);
        Assert.Equal(32, new CachedMultipleNegativesSymmetricRankingLoss().MiniBatchSize);
        Assert.Equal(32, new CachedGISTEmbedLoss().MiniBatchSize);
        Assert.Equal(50, new MegaBatchMarginLoss().MiniBatchSize);
        Assert.Null(new MultipleNegativesRankingLoss().MiniBatchSize);
    }

    [Fact]
    public void Matryoshka_DrawsDimensionsByItsSeed()
    {
        MatryoshkaLoss loss = new(new CosineSimilarityLoss(), [8, 4, 2, 1]) { DimensionsPerStep = 2 };
        int[][] draws = [.. Enumerable.Range(0, 200).Select(step => loss.Draw(11, (uint)step)!)];
        Assert.All(draws, draw => Assert.Equal(2, draw.Distinct().Count()));
        Assert.Equal(6, draws.Select(draw => draw.Sum()).Distinct().Count()); // every pair
        Assert.Equal(draws[7], loss.Draw(11, 7));
        Assert.Equal(Sample.Draw(4, 2, seed: 11, step: 7, stream: 0).Select(place => new[] { 8, 4, 2, 1 }[place]), draws[7]);
        Assert.Null(new MatryoshkaLoss(new CosineSimilarityLoss(), [8, 4]).Draw(1, 1));
        Assert.Null(new MatryoshkaLoss(new CosineSimilarityLoss(), [8, 4]) { DimensionsPerStep = 2 }.Draw(1, 1));
    }

    [Fact]
    public void TrainedMatrices_AreNamedWithTheirShapes()
    {
        Assert.Equal([new LossParameter("classifier.weight", 3, 12, 0, 1 / Math.Sqrt(12)), new LossParameter("classifier.bias", 1, 3, 0, 1 / Math.Sqrt(12))],
            new SoftmaxLoss().Parameters(4));
        Assert.Equal([new LossParameter("logit_scale", 1, 1, Math.Log(20))], new ContrastiveTensionLossInBatchNegatives().Parameters(4));
        Assert.Equal("projection.weight", new EmbedDistillLoss { ProjectionWidth = 6 }.Parameters(4)[0].Name);
        Assert.Equal((6, 4), (new MSELoss { ProjectionWidth = 6 }.Parameters(4)[0].Rows, new MSELoss { ProjectionWidth = 6 }.Parameters(4)[0].Width));
        Assert.Empty(new EmbedDistillLoss().Parameters(4));
    }
}
