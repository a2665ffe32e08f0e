using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Logits;

namespace MiniLM.Tests.Training.Losses;

public sealed class CrossEncoderLossTests
{
    private static double Compute(CrossEncoderLoss loss, double[] logits, CrossEncoderTargets targets) =>
        loss.Compute<double>(logits, targets, new double[logits.Length]);

    [Fact]
    public void WrongData_IsRefusedWithARemedy()
    {
        Labels two = new([0, 1]);
        Refuses(new MultipleNegativesRankingLoss(), new() { Labels = two, Columns = 2 }, "labelled pairs go to BinaryCrossEntropyLoss");
        Refuses(new MarginMSELoss(), new() { Labels = new([1, 2]) }, "a query, a positive and negatives, not a query and 1 texts");
        Refuses(new BinaryCrossEntropyLoss(), new(), "needs labels: name the label column");
        Refuses(new BinaryCrossEntropyLoss(), new() { Labels = new([-1, 1]) },
            "label -1 of row 1: BinaryCrossEntropyLoss does not take it; it takes 0 to 1: write -1 as 0");
        Refuses(new BinaryCrossEntropyLoss(), new() { Labels = new([1, 2]) }, "label 2 of row 2");
        Refuses(new BinaryCrossEntropyLoss(), new() { Labels = new([1.0]), Outputs = 2 }, "1 labels a row for 2 outputs; classes go to CrossEntropyLoss");
        Refuses(new BinaryCrossEntropyLoss(), new() { Labels = two, Columns = 2 }, "takes pairs, not a query and 2 texts");
        Refuses(new BinaryCrossEntropyLoss(), new() { Labels = two, Lists = [2] }, "LambdaLoss takes lists");
        Refuses(new CrossEntropyLoss(), new() { Labels = two }, "one output goes to BinaryCrossEntropyLoss");
        Refuses(new CrossEntropyLoss(), new() { Labels = new([2.0]), Outputs = 2 }, "label 2 of row 1: the model has 2 outputs, 0 to 1");
        Refuses(new CrossEntropyLoss(), new() { Labels = new([-1.0]), Outputs = 2 }, "the numbers of classes");
        Refuses(new MSELoss(), new() { Labels = two, Outputs = 2 }, "a model with one output, not 2; CrossEntropyLoss");
        Refuses(new MSELoss(), new() { Labels = new([1.0]) }, "1 rows of labels for 2 rows");
        Refuses(new MSELoss(), new() { Labels = new([1, 2, 3, 4], 2) }, "one label a row, not 2");
        Refuses(new LambdaLoss(), new() { Labels = two }, "a list of documents");
        Refuses(new LambdaLoss(), new() { Labels = two, Lists = [1] }, "lists of 1 documents for 2 rows");
        Refuses(new LambdaLoss(), new() { Labels = two, Lists = [2, 0] }, "an empty list");
        Refuses(new ListMLELoss(), new() { Labels = two, Lists = [2] }, "list 1 has label 1 after 0: ListMLELoss takes documents in the right order");
        Refuses(new ListMLELoss { RespectInputOrder = false }, new() { Lists = [2] }, "needs labels");
        Refuses(new CircleLoss(), new() { Labels = new([2, 0]), Lists = [2] }, "it takes 1 (the same) and 0");
        Refuses(new MarginMSELoss(), new() { Labels = new([1, 2, 3], 3), Columns = 2 }, "1 margins a row for 1 negatives, or 2 scores, not 3");
        Refuses(new MultipleNegativesRankingLoss(), new() { Columns = 3 }, "2 logits are not rows of 1 outputs in 3 columns");
    }

    private static void Refuses(CrossEncoderLoss loss, CrossEncoderTargets targets, string part)
    {
        string message = Assert.Throws<LossDataException>(() => Compute(loss, [.5, -.5], targets)).Message;
        Assert.Contains(part, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void NoLogits_AreRefused() =>
        Assert.Throws<LossDataException>(() => Compute(new MSELoss(), [], new() { Labels = new Labels([]) }));

    [Fact]
    public void OrderedLists_TakeNoLabelsOrDescendingOnes()
    {
        double[] logits = [.3, -1, 2];
        double without = Compute(new ListMLELoss(), logits, new() { Lists = [3] });
        Assert.Equal(without, Compute(new ListMLELoss(), logits, new() { Lists = [3], Labels = new([2, 2, 1]) }));
        Assert.Equal(without, Compute(new ListMLELoss { RespectInputOrder = false }, logits, new() { Lists = [3], Labels = new([2, 2, 1]) }));
        Assert.Equal(Compute(new ListMLELoss(), [2, .3, -1], new() { Lists = [3] }),
            Compute(new ListMLELoss { RespectInputOrder = false }, logits, new() { Lists = [3], Labels = new([2, 1, 3]) }), 1e-14);
    }

    [Fact]
    public void CrossEntropy_LeavesIgnoredRowsOut()
    {
        double[] gradient = [9, 9, 9, 9];
        CrossEntropyLoss loss = new();
        CrossEncoderTargets targets = new() { Outputs = 2, Labels = new([1, CrossEntropyLoss.Ignored]) };
        Assert.Equal(Math.Log(1 + Math.E), loss.Compute<double>([1, 0, 5, 5], targets, gradient), 1e-14);
        double share = Math.E / (1 + Math.E);
        Assert.Equal([share, -share, 0, 0], gradient, (a, b) => Math.Abs(a - b) < 1e-14);
        Assert.Equal(0, loss.Compute<double>([1, 0], new() { Outputs = 2, Labels = new([CrossEntropyLoss.Ignored]) }, gradient.AsSpan(0, 2)));
        Assert.Equal([0, 0], gradient[..2]);
    }

    [Fact]
    public void CrossEntropy_CountsIgnoredRowsWhereItNamesOne()
    {
        string Message(double label) => Assert.Throws<LossDataException>(() =>
            new CrossEntropyLoss().CheckLabels(new([0, CrossEntropyLoss.Ignored, 1, label]), outputs: 2)).Message;
        Assert.StartsWith("label -1 of row 4: CrossEntropyLoss does not take it", Message(-1), StringComparison.Ordinal);
        Assert.StartsWith("label 2 of row 4: the model has 2 outputs, 0 to 1;", Message(2), StringComparison.Ordinal);
        new CrossEntropyLoss().CheckLabels(new([0, CrossEntropyLoss.Ignored, 1, 0]), outputs: 2);
    }

    [Fact]
    public void BinaryCrossEntropy_NeitherOverflowsNorLosesDigits()
    {
        double[] gradient = new double[2];
        Assert.Equal(400, new BinaryCrossEntropyLoss().Compute<double>([800, -40], new() { Labels = new([0, 0]) }, gradient));
        Assert.Equal(.5, gradient[0]);
        Assert.Equal(Math.Exp(-40) / 2, gradient[1], 1e-30);
        Assert.Equal(Math.Exp(-40), Compute(new BinaryCrossEntropyLoss { PositiveWeight = 7 }, [-40], new() { Labels = new([0.0]) }), 1e-30);
        Assert.Equal(7 * Math.Log(2), Compute(new BinaryCrossEntropyLoss { PositiveWeight = 7 }, [0], new() { Labels = new([1.0]) }), 1e-14);
    }

    [Fact]
    public void Lambda_OfTwoDocumentsByHand()
    {
        // Ranks: document 1 first. Gains 0 and 1 (best DCG 1), discounts 1 and log2 3.
        CrossEncoderTargets targets = new() { Lists = [2], Labels = new([1, 0]) };
        double pair = Math.Log2(1 + Math.Exp(1)), delta = 1 - 1 / Math.Log2(3);
        Assert.Equal(11 * delta * pair, Compute(new LambdaLoss(), [0, 1], targets), 1e-13);
        Assert.Equal(pair, Compute(new RankNetLoss(), [0, 1], targets), 1e-13);
        Assert.Equal(pair * Math.Log(2), Compute(new RankNetLoss { IsNatural = true }, [0, 1], targets), 1e-13);
        // A list of one document has no pair; equal labels make none.
        Assert.Equal(pair, Compute(new RankNetLoss(), [0, 1, 7, 1, 2], new() { Lists = [2, 1, 2], Labels = new([1, 0, 1, 3, 3]) }), 1e-13);
        Assert.Equal(0, Compute(new LambdaLoss(), [0, 1], new() { Lists = [2], Labels = new([1, 1]) }));
    }

    [Fact]
    public void RankNet_WithKTakesPairsThatTouchTheHead()
    {
        // By score: 0, 1, 2; k = 1 takes (0, 1) and (0, 2), whose first has the higher label, and leaves (1, 2) out.
        CrossEncoderTargets targets = new() { Lists = [3], Labels = new([2, 1, 0]) };
        double[] logits = [2, 1, 0];
        double near = Math.Log2(1 + Math.Exp(-1)), far = Math.Log2(1 + Math.Exp(-2));
        Assert.Equal((2 * near + far) / 3, Compute(new RankNetLoss(), logits, targets), 1e-14);
        Assert.Equal((near + far) / 2, Compute(new RankNetLoss { K = 1 }, logits, targets), 1e-14);
    }

    [Fact]
    public void DocumentsOfEqualScore_HaveTheOrderOfTheList()
    {
        double[] gradient = new double[3];
        new RankNetLoss { K = 1, IsNatural = true }.Compute<double>([4, 4, 4], new() { Lists = [3], Labels = new([0, 1, 2]) }, gradient);
        Assert.Equal([.5, -.25, -.25], gradient, (a, b) => Math.Abs(a - b) < 1e-14);
    }

    [Fact]
    public void InBatchNegatives_AreDrawnFromOtherQueriesBySeedAndStep()
    {
        MultipleNegativesRankingLoss loss = new() { Negatives = 3 };
        int[][] drawn = loss.Draw(queries: 5, columns: 2, seed: 4, step: 9);
        Assert.Equal(5, drawn.Length);
        Assert.Equal(drawn, loss.Draw(5, 2, 4, 9));
        Assert.NotEqual(drawn, loss.Draw(5, 2, 4, 10));
        Assert.NotEqual(drawn, loss.Draw(5, 2, 5, 9));
        HashSet<int> seen = [];
        for (uint step = 0; step < 100; step++)
        {
            foreach ((int query, int[] negatives) in loss.Draw(5, 2, 4, step).Index())
            {
                Assert.Equal(3, negatives.Distinct().Count());
                Assert.All(negatives, document => Assert.NotEqual(query, document % 5));
                if (query == 2) { seen.UnionWith(negatives); }
            }
        }
        Assert.Equal([0, 1, 3, 4, 5, 6, 8, 9], seen.Order());
        Assert.Equal([[1, 2], [0, 2], [0, 1]], new MultipleNegativesRankingLoss().Draw(3, 1, 0, 0));
        Assert.Equal([[1, 3], [0, 2]], new MultipleNegativesRankingLoss { Negatives = null }.Draw(2, 2, 0, 0));
        Assert.Equal([[]], new MultipleNegativesRankingLoss().Draw(1, 2, 0, 0));
        Assert.Equal(32, new CachedMultipleNegativesRankingLoss().MiniBatchSize);
    }

    [Fact]
    public void Lists_WithNothingToLearn_HaveAGradientOfExactlyZero()
    {
        (CrossEncoderLoss Loss, double[] Labels, int[] Lists)[] cases =
        [
            (new LambdaLoss(), [1, 1, 1], [3]), (new RankNetLoss(), [0, 1, 0], [1, 1, 1]), (new CircleLoss(), [1, 1, 0], [2, 1]),
            (new PListMLELoss(), [1, 0, 2], [1, 1, 1]), (new ADRMSELoss(), [1, 0, 2], [1, 1, 1]), (new ListNetLoss(), [1, 0, 2], [1, 1, 1]),
        ];
        foreach ((CrossEncoderLoss loss, double[] labels, int[] lists) in cases)
        {
            double[] gradient = [1, 1, 1];
            Assert.Equal(0, loss.Compute<double>([.5, -2, 3], new() { Lists = lists, Labels = new(labels) }, gradient), 1e-15);
            Assert.Equal([0, 0, 0], gradient);
        }
    }
}
