using MiniLM.Model;
using MiniLM.Training.Losses;
using MiniLM.Training.Losses.Logits;

namespace MiniLM.Tests.Training.Losses;

/// <summary>The gradient of each cross-encoder loss is that of its value.</summary>
public sealed class CrossEncoderLossGradientTests
{
    private static readonly Dictionary<string, Func<CrossEncoderLoss>> Losses = new()
    {
        ["adr mse"] = () => new ADRMSELoss { Alpha = 2, Activation = ClassifierActivation.Sigmoid },
        ["binary cross-entropy"] = () => new BinaryCrossEntropyLoss { PositiveWeight = 3 },
        ["circle"] = () => new CircleLoss { IsDetached = false, Margin = -.2 },
        ["circle of scores"] = () => new CircleLoss { IsDetached = false, Margin = .3, Gamma = 4, Activation = ClassifierActivation.Identity },
        ["cross-entropy"] = () => new CrossEntropyLoss { LabelSmoothing = .2 },
        ["lambda"] = () => new LambdaLoss(),
        ["lambda 1"] = () => new LambdaLoss { Weighting = LambdaWeighting.NDCGLoss1, IsNatural = true },
        ["lambda 2"] = () => new LambdaLoss { Weighting = LambdaWeighting.NDCGLoss2, Sigma = 2 },
        ["lambda rank"] = () => new LambdaLoss { Weighting = LambdaWeighting.LambdaRank, K = 2 },
        ["list mle"] = () => new ListMLELoss { RespectInputOrder = false },
        ["list net"] = () => new ListNetLoss(),
        ["margin mse"] = () => new MarginMSELoss { Activation = ClassifierActivation.Sigmoid },
        ["mse"] = () => new MSELoss(),
        ["plist mle"] = () => new PListMLELoss { RespectInputOrder = false },
        ["rank net"] = () => new RankNetLoss(),
        ["ranking"] = () => new MultipleNegativesRankingLoss(),
    };

    public static TheoryData<string> Names() => [.. Losses.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Gradient_IsTheDerivative(string name)
    {
        CrossEncoderLoss loss = Losses[name]();
        RandomBatch random = new(seed: 7);
        int outputs = loss.Requires.HasManyOutputs ? 3 : 1, columns = loss.Requires.HasNegatives ? 3 : 1, rows = 12, labelled = rows / columns;
        int labelWidth = loss switch { BinaryCrossEntropyLoss => outputs, MarginMSELoss => columns, _ => 1 };
        CrossEncoderTargets targets = new()
        {
            Outputs = outputs,
            Columns = columns,
            Lists = loss.Requires.HasLists ? [5, 1, 4, 2] : null,
            Labels = loss.Requires.Labels == LabelKind.None ? null : random.Labels(loss.Requires.Labels, labelled, labelWidth),
        };
        double[] logits = random.Numbers(rows * outputs), gradient = new double[logits.Length];
        loss.Compute<double>(logits, targets, gradient);
        random.CompareWithDifferences(() => loss.Compute<double>(logits, targets, new double[logits.Length]), logits, gradient);
    }

    // One positive at .8 and one negative at .6, gamma 1, m .25: brackets .45 and .85, terms -.0225 and .2975.
    [Fact]
    public void DetachedBrackets_AreConstants()
    {
        double[] gradient = new double[2];
        double slope = 1 / (1 + Math.Exp(-(.85 * .35 - .45 * .05)));
        CircleLoss loss = new() { Gamma = 1, Margin = .25, Activation = ClassifierActivation.Identity };
        double value = loss.Compute<double>([.8, .6], new CrossEncoderTargets { Lists = [2], Labels = new Labels([1, 0]) }, gradient);
        Assert.Equal(Math.Log(1 + Math.Exp(.85 * .35 - .45 * .05)), value, 1e-14);
        Assert.Equal(-slope * .45, gradient[0], 1e-14);
        Assert.Equal(slope * .85, gradient[1], 1e-14);
    }
}
