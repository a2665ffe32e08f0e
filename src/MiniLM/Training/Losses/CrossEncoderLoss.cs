using System.Numerics;
using MiniLM.Model;

namespace MiniLM.Training.Losses;

/// <summary>What a cross-encoder's loss takes.</summary>
/// <param name="Labels">Of a row, of a query, or of a document of a list.</param>
internal sealed record CrossEncoderInputs(LabelKind Labels)
{
    /// <summary>Whether the rows are lists.</summary>
    internal bool HasLists { get; init; }

    /// <summary>The least number of texts of a query.</summary>
    internal int MinColumns { get; init; } = 1;

    /// <summary>Whether these may be a positive and any number of negatives.</summary>
    internal bool HasNegatives { get; init; }

    /// <summary>Whether a query also meets texts of other queries (<see cref="CrossEncoderLoss.Draw"/>).</summary>
    internal bool DrawsNegatives { get; init; }

    /// <summary>Whether it does without labels.</summary>
    internal bool LabelsAreOptional { get; init; }

    /// <summary>Whether the model may have more than one output.</summary>
    internal bool HasManyOutputs { get; init; }

    /// <summary>Labels of a row or query, where they are not one.</summary>
    internal bool HasManyLabels { get; init; }
}

/// <summary>A loss over the logits of a batch. It holds settings, never a model, and refuses data that it would not use.</summary>
internal abstract class CrossEncoderLoss
{
    /// <summary>As in sentence-transformers.</summary>
    internal string Name => GetType().Name;

    /// <summary>What makes scores of logits.</summary>
    internal ClassifierActivation Activation { get; init; }

    /// <summary>As <see cref="BiEncoderLoss.MiniBatchSize"/>, in pairs.</summary>
    internal int? MiniBatchSize { get; set; }

    /// <summary>What it takes.</summary>
    internal abstract CrossEncoderInputs Requires { get; }

    /// <summary>In-batch negatives of each query, as many for all: numbers of documents of other queries.</summary>
    /// <param name="queries">Of the batch.</param>
    /// <param name="columns">Documents of a query; document d of query q has the number d x queries + q.</param>
    /// <param name="seed">Of the run.</param>
    /// <param name="step">Of the run.</param>
    internal virtual int[][] Draw(int queries, int columns, ulong seed, uint step) => [];

    /// <summary>Gives the loss and overwrites the gradient of the logits.</summary>
    /// <param name="logits">[rows, outputs].</param>
    /// <param name="targets">Of the rows.</param>
    /// <param name="gradient">As long as the logits.</param>
    /// <exception cref="LossDataException">The targets are not what <see cref="Requires"/> says.</exception>
    internal double Compute<T>(ReadOnlySpan<T> logits, CrossEncoderTargets targets, Span<T> gradient) where T : IBinaryFloatingPointIeee754<T>
    {
        Check(logits.Length, targets);
        bool isSigmoid = Activation == ClassifierActivation.Sigmoid;
        double[] scores = new double[logits.Length], slopes = new double[logits.Length];
        for (int i = 0; i < scores.Length; i++)
        {
            double logit = double.CreateTruncating(logits[i]);
            scores[i] = isSigmoid ? Logistic.Sigmoid(logit) : logit;
        }
        double loss = Value(scores, targets, slopes);
        for (int i = 0; i < scores.Length; i++)
        {
            gradient[i] = T.CreateTruncating(isSigmoid ? slopes[i] * scores[i] * (1 - scores[i]) : slopes[i]);
        }
        return loss;
    }

    /// <summary>Gives the loss and writes the gradient of the scores, which is 0 before.</summary>
    private protected abstract double Value(ReadOnlySpan<double> scores, CrossEncoderTargets targets, Span<double> gradient);

    private void Check(int logits, CrossEncoderTargets targets)
    {
        CheckColumns(targets.Outputs, targets.Columns, targets.Lists is not null, targets.Labels is not null);
        LossDataException.ThrowIf(logits == 0 || logits % (targets.Outputs * targets.Columns) != 0,
            $"{Name}: {logits} logits are not rows of {targets.Outputs} outputs in {targets.Columns} columns.");
        int rows = logits / targets.Outputs, labelled = rows / targets.Columns;
        if (targets.Lists is { } lists)
        {
            LossDataException.ThrowIf(lists.Any(length => length < 1) || lists.Sum() != rows,
                $"{Name}: lists of {lists.Sum()} documents for {rows} rows, or an empty list.");
        }
        if (targets.Labels is not { } labels) { return; }
        LossDataException.ThrowIf(labels.Rows != labelled, $"{Name}: {labels.Rows} rows of labels for {labelled} rows.");
        CheckLabels(labels, targets.Outputs, targets.Columns, targets.Lists);
    }

    /// <summary>Refuses labels that the loss does not take, of a batch or of all rows before the first one.</summary>
    /// <param name="labels">One or more a row.</param>
    /// <param name="outputs">Of the model.</param>
    /// <param name="columns">Texts of a query.</param>
    /// <param name="lists">Documents of each list; null: there are none.</param>
    internal virtual void CheckLabels(Labels labels, int outputs, int columns = 1, IReadOnlyList<int>? lists = null)
    {
        LossDataException.ThrowIf(labels.Width != 1 && !Requires.HasManyLabels, $"{Name} takes one label a row, not {labels.Width}.");
        labels.Check(Name, Requires.Labels);
    }

    /// <summary>Refuses data by what is known before the first batch.</summary>
    /// <param name="outputs">Of the model.</param>
    /// <param name="columns">Texts of a query.</param>
    /// <param name="hasLists">Whether a row of the data is a query with a list of documents.</param>
    /// <param name="hasLabels">Whether there is a label column.</param>
    internal void CheckColumns(int outputs, int columns, bool hasLists, bool hasLabels)
    {
        LossDataException.ThrowIf(outputs != 1 && !Requires.HasManyOutputs,
            $"{Name} takes a model with one output, not {outputs}; CrossEntropyLoss takes several.");
        LossDataException.ThrowIf(hasLabels && Requires.Labels == LabelKind.None,
            $"{Name} does not look at labels, so a pair labelled 0 would be trained as a positive: labelled pairs go to BinaryCrossEntropyLoss or "
            + $"CrossEntropyLoss; for {Name} give triplets or only the positives, without a label column.");
        LossDataException.ThrowIf(hasLists && !Requires.HasLists, $"{Name} takes pairs or columns of texts, not lists; LambdaLoss takes lists.");
        LossDataException.ThrowIf(!hasLists && Requires.HasLists,
            $"{Name} takes a query, a list of documents and a list of labels as a row; pairs with a label go to BinaryCrossEntropyLoss.");
        LossDataException.ThrowIf(columns < Requires.MinColumns || (columns > 1 && !Requires.HasNegatives),
            $"{Name} takes {(Requires.HasNegatives ? "a query, a positive and negatives" : "pairs")}, not a query and {columns} texts.");
        LossDataException.ThrowIf(!hasLabels && Requires.Labels != LabelKind.None && !Requires.LabelsAreOptional,
            $"{Name} needs labels: name the label column; pairs and triplets without labels go to MultipleNegativesRankingLoss.");
    }
}
