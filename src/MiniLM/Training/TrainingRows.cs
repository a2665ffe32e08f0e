using MiniLM.Training.Losses;

namespace MiniLM.Training;

/// <summary>A data set: tokens of its rows, and what a loss goes by.</summary>
/// <param name="Tokens">A row's sequences: texts of a bi-encoder, pairs of texts of a cross-encoder.</param>
internal sealed record TrainingRows(TokenizedRows Tokens)
{
    /// <summary>A row's labels: one, or several, as many in each row; of lists one a document. Null: there are none.</summary>
    internal double[][]? Labels { get; init; }

    /// <summary>Whether a row is a query with a list of documents.</summary>
    internal bool IsList { get; init; }

    /// <summary>For each column the number of each row's text (<see cref="Data.TextNumbers"/>), where equal texts are no negatives of each other.</summary>
    internal int[][]? Texts { get; init; }

    /// <summary>The same texts apart, where queries meet documents of other rows; null: they do not.</summary>
    internal PairParts? Parts { get; init; }

    /// <summary>The labels of all rows.</summary>
    internal Labels? AllLabels() => Labels is null ? null : new Labels([.. Labels.SelectMany(row => row)], IsList ? 1 : Labels[0].Length);

    /// <summary>The labels of some rows, one behind the other.</summary>
    internal Labels? LabelsOf(ReadOnlySpan<int> rows)
    {
        if (Labels is null) { return null; }
        List<double> values = [];
        foreach (int row in rows) { values.AddRange(Labels[row]); }
        return new Labels([.. values], IsList ? 1 : values.Count / rows.Length);
    }

    /// <summary>The text numbers of some rows, by column.</summary>
    internal int[][]? TextsOf(int[] rows) => Texts is null ? null : [.. Texts.Select(column => Array.ConvertAll(rows, row => column[row]))];
}

/// <summary>Rows whose loss is one mean; a step has one or several.</summary>
/// <param name="Rows">Of the data set.</param>
/// <param name="Step">Of the run.</param>
/// <param name="FirstToken">Tokens of the step before it: a dropped value goes by its token's number in the step.</param>
internal readonly record struct MicroBatch(int[] Rows, uint Step, int FirstToken);
