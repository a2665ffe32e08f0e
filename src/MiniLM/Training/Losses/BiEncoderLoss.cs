using System.Numerics;

namespace MiniLM.Training.Losses;

/// <summary>What a bi-encoder's loss takes.</summary>
/// <param name="Texts">What the columns are, for messages.</param>
/// <param name="MinColumns">Of texts.</param>
/// <param name="MaxColumns">Of texts.</param>
/// <param name="Labels">One a row, unless the loss says otherwise.</param>
internal sealed record BiEncoderInputs(string Texts, int MinColumns, int MaxColumns, LabelKind Labels = LabelKind.None)
{
    internal const string Pairs = "pairs of texts", Tuples = "an anchor, a positive and any number of negatives";

    /// <summary>For a loss that takes any number of negatives.</summary>
    internal const int Any = 1000;

    /// <summary>Whether it does without.</summary>
    internal bool LabelsAreOptional { get; init; }

    /// <summary>Labels of a row, where they are not one.</summary>
    internal bool HasManyLabels { get; init; }

    internal bool HasGuide { get; init; }

    /// <summary>Whether the first column comes from a second copy of the model, which is trained as well.</summary>
    internal bool HasTwoModels { get; init; }

    /// <summary>Whether equal texts can be left out as negatives.</summary>
    internal bool MasksEqualTexts { get; init; }

    /// <summary>What the columns are and how many.</summary>
    internal string Describe() =>
        $"{Texts}, {(MaxColumns == Any ? $"{MinColumns} or more" : MinColumns == MaxColumns ? $"{MinColumns}" : $"{MinColumns} to {MaxColumns}")} columns";
}

/// <summary>A loss over the embeddings of a batch. It holds settings, never a model, and refuses data that it would not use.</summary>
internal abstract class BiEncoderLoss
{
    /// <summary>As in sentence-transformers.</summary>
    internal string Name => GetType().Name;

    /// <summary>
    /// How many rows the trainer embeds at a time: it keeps no more activations, takes the loss of all embeddings, and embeds again for the second half of the
    /// backward pass (Gao et al. 2021, arXiv:2101.06983). Null: all rows at once. The loss is the same.
    /// </summary>
    internal int? MiniBatchSize { get; set; }

    /// <summary>What it takes.</summary>
    internal abstract BiEncoderInputs Requires { get; }

    /// <summary>What is trained beside the model, for embeddings of a width.</summary>
    internal virtual IReadOnlyList<LossParameter> Parameters(int width) => [];

    /// <summary>The dimensions of a step, where only some are taken (<see cref="BiEncoderBatch{T}.Dimensions"/>).</summary>
    internal virtual int[]? Draw(ulong seed, uint step) => null;

    /// <summary>Gives the loss, and adds to the gradients of the batch's columns and parameters.</summary>
    /// <exception cref="LossDataException">The batch is not what <see cref="Requires"/> says.</exception>
    internal double Compute<T>(BiEncoderBatch<T> batch) where T : IBinaryFloatingPointIeee754<T>
    {
        Check(batch);
        return Value(batch);
    }

    private protected abstract double Value<T>(BiEncoderBatch<T> batch) where T : IBinaryFloatingPointIeee754<T>;

    private void Check<T>(BiEncoderBatch<T> batch) where T : IBinaryFloatingPointIeee754<T>
    {
        CheckColumns(batch.Columns.Count, batch.Labels is not null);
        CheckShapes(batch.Columns, batch.Rows, batch.Width, "column");
        CheckGuide(batch);
        CheckTexts(batch.Texts, batch.Columns.Count, batch.Rows);
        IReadOnlyList<LossParameter> parameters = Parameters(batch.Width);
        LossDataException.ThrowIf(parameters.Count != batch.Parameters.Count,
            $"{Name} has {parameters.Count} trained matrices; {batch.Parameters.Count} were given.");
        for (int i = 0; i < parameters.Count; i++) { CheckShapes([batch.Parameters[i]], parameters[i].Rows, parameters[i].Width, parameters[i].Name); }
        LossDataException.ThrowIf(batch.Labels is { } labels && labels.Rows != batch.Rows,
            $"{Name}: {batch.Labels?.Rows} rows of labels for {batch.Rows} rows of texts.");
        CheckLabels(batch.Labels, batch.Columns.Count, batch.Width);
    }

    /// <summary>Refuses labels, and a width, that the loss does not take, of a batch or of all rows before the first one.</summary>
    /// <param name="labels">Null: there are none.</param>
    /// <param name="columns">Of texts.</param>
    /// <param name="width">Of an embedding.</param>
    internal virtual void CheckLabels(Labels? labels, int columns, int width)
    {
        if (labels is null) { return; }
        LossDataException.ThrowIf(labels.Width != 1 && !Requires.HasManyLabels, $"{Name} takes one label a row, not {labels.Width}.");
        labels.Check(Name, Requires.Labels);
    }

    /// <summary>Refuses data by what is known before the first batch.</summary>
    /// <param name="columns">Of texts.</param>
    /// <param name="hasLabels">Whether there is a label column.</param>
    internal void CheckColumns(int columns, bool hasLabels)
    {
        LossDataException.ThrowIf(hasLabels && Requires.Labels == LabelKind.None,
            $"{Name} does not look at labels, so a pair labelled 0 would be trained as a positive: labelled pairs go to ContrastiveLoss, OnlineContrastiveLoss "
            + $"or CosineSimilarityLoss; for {Name} give triplets or only the positives, without a label column.");
        LossDataException.ThrowIf(columns < Requires.MinColumns || columns > Requires.MaxColumns, $"{Name} takes {Requires.Describe()}, not {columns}.");
        LossDataException.ThrowIf(!hasLabels && Requires.Labels != LabelKind.None && !Requires.LabelsAreOptional,
            $"{Name} needs labels: name the label column; pairs and triplets without labels go to MultipleNegativesRankingLoss.");
    }

    private void CheckGuide<T>(BiEncoderBatch<T> batch) where T : IBinaryFloatingPointIeee754<T>
    {
        LossDataException.ThrowIf(!Requires.HasGuide && batch.Guide.Count > 0, $"{Name} takes no guide; GISTEmbedLoss and CachedGISTEmbedLoss do.");
        if (!Requires.HasGuide) { return; }
        LossDataException.ThrowIf(batch.Guide.Count != batch.Columns.Count,
            $"{Name} needs a guide's embeddings of all {batch.Columns.Count} columns of texts, not of {batch.Guide.Count}: name a guide model.");
        CheckShapes(batch.Guide, batch.Rows, batch.Guide[0].Width, "guide column");
    }

    private void CheckTexts(int[][]? texts, int columns, int rows)
    {
        if (texts is null) { return; }
        LossDataException.ThrowIf(!Requires.MasksEqualTexts, $"{Name} has no in-batch negatives that equal texts could be taken out of.");
        LossDataException.ThrowIf(texts.Length != columns || texts.Any(column => column.Length != rows), $"{Name}: not every text has a number.");
    }

    private void CheckShapes<T>(IReadOnlyList<Column<T>> columns, int rows, int width, string what) where T : IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < columns.Count; i++)
        {
            LossDataException.ThrowIf(rows == 0 || columns[i].Rows != rows || columns[i].Width != width,
                $"{Name}: {what} {i + 1} is {columns[i].Rows} x {columns[i].Width}, not {rows} x {width}.");
        }
    }
}
