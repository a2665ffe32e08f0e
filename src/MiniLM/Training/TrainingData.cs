namespace MiniLM.Training;

/// <summary>A data set, tokenized: what is trained on, or measured.</summary>
/// <param name="Source">Its file, or what it is called, for messages.</param>
/// <param name="Columns">Names of the columns of texts.</param>
/// <param name="Rows">Tokens and labels.</param>
internal sealed record TrainingData(string Source, string[] Columns, TrainingRows Rows) : IDisposable
{
    /// <summary>Rows kept as texts, for the model card.</summary>
    internal const int MostSamples = 3;

    /// <summary>Before the names of metrics: the file's, without the suffixes of its format.</summary>
    internal string Name
    {
        get
        {
            string name = Source.EndsWith(".gz", StringComparison.Ordinal) ? Source[..^3] : Source;
            return Path.GetExtension(name) is ".jsonl" or ".ndjson" or ".json" or ".tsv" or ".csv" or ".txt" ? Path.GetFileNameWithoutExtension(name) : name;
        }
    }

    /// <summary>What the column of the labels is called, for the model card; null where it has no name.</summary>
    internal string? LabelColumn { get; init; }

    /// <summary>The loss as it was written, with its settings; null: the data are only measured.</summary>
    internal string? Loss { get; init; }

    /// <summary>The first rows.</summary>
    internal required IReadOnlyList<TrainingRow> Samples { get; init; }

    /// <summary>A hash of each row's texts.</summary>
    internal required UInt128[] Keys { get; init; }

    /// <summary>The number of each row's first text, the same for equal texts.</summary>
    internal required int[] Queries { get; init; }

    /// <summary>For each column the number of each row's text; null where rows have different numbers of them.</summary>
    internal required int[][]? Texts { get; init; }

    /// <summary>Of each column whether every text is a number; of lists the second is not looked at.</summary>
    internal required bool[] AreNumbers { get; init; }

    /// <summary>Of each column the least, the mean and the greatest number of characters; of lists the second is that of documents.</summary>
    internal required IReadOnlyList<(double Min, double Mean, double Max)> Lengths { get; init; }

    /// <summary>SHA-256 of all texts and labels, in hexadecimal.</summary>
    internal required string Hash { get; init; }

    internal int Count => Rows.Tokens.Count;

    /// <summary>Whether every label is one of some values.</summary>
    internal bool HasLabels(params double[] values) => Rows.Labels is { } labels && labels.All(row => row.All(label => values.Contains(label)));

    /// <summary>Whether its rows have as many texts and labels as another's.</summary>
    internal bool HasShapeOf(TrainingData other) => Rows.IsList == other.Rows.IsList && Columns.Length == other.Columns.Length
        && Rows.Labels?[0].Length == other.Rows.Labels?[0].Length;

    public void Dispose()
    {
        Rows.Tokens.Dispose();
        Rows.Parts?.Dispose();
    }
}
