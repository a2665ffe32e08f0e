using System.Text.Json;
using MiniLM.Data;
using MiniLM.Training.Losses;

namespace MiniLM.Training;

/// <summary>What the columns of a file are: texts, and at the end labels, or a query with lists of documents and labels.</summary>
/// <param name="Texts">Names of the columns of texts; of lists the query and the documents.</param>
/// <param name="Label">Null: there are no labels.</param>
/// <param name="IsList">Documents and labels are JSON lists.</param>
internal sealed record DataColumns(string[] Texts, string? Label, bool IsList)
{
    private static readonly string[] LabelNames = ["label", "labels", "score", "scores"]; // sentence-transformers'

    /// <summary>The last column holds labels where it is called so, or where the loss cannot do without.</summary>
    /// <param name="columns">In order.</param>
    /// <param name="needsLabels">Whether the loss does.</param>
    /// <param name="isList">Whether the loss takes lists.</param>
    internal static DataColumns Of(string[] columns, bool needsLabels, bool isList)
    {
        bool hasLabel = columns.Length > 1 && (LabelNames.Contains(columns[^1]) || needsLabels);
        if (isList && (columns.Length != 3 || !hasLabel))
        {
            throw new LossDataException($"columns {string.Join(',', columns)}: a loss over lists takes three: the query, its documents and their labels.");
        }
        return new DataColumns(hasLabel ? columns[..^1] : columns, hasLabel ? columns[^1] : null, isList);
    }

    /// <summary>Whether columns are called as a list's are.</summary>
    internal static bool AreLists(string[] columns) => columns is [_, "docs", "labels"];

    /// <summary>All, as a file is asked for them.</summary>
    internal string[] All => Label is null ? Texts : [.. Texts, Label];

    /// <summary>The rows of a file.</summary>
    /// <param name="path">.jsonl, .tsv or .csv, plain or .gz.</param>
    /// <param name="format">Whose columns are <see cref="All"/>.</param>
    /// <param name="openStandardInput">For <c>-</c>.</param>
    /// <param name="cancellation">Looked at for every row.</param>
    /// <exception cref="DataFormatException">A row is damaged, lacks a column, or has a label that is no number.</exception>
    internal IEnumerable<TrainingRow> Read(string path, RowFormat format, Func<Stream>? openStandardInput, CancellationToken cancellation)
    {
        // Of a text a list is refused: its brackets and quotes would be learnt.
        RowFormat whole = format with { Columns = All, ListsFrom = IsList ? 1 : Texts.Length };
        using RowReader reader = RowReader.Open(path, whole, openStandardInput, cancellation);
        string[] values = new string[All.Length];
        while (reader.Read(values))
        {
            cancellation.ThrowIfCancellationRequested();
            double[] labels = Label is null ? [] : Numbers(values[^1], reader);
            string[] texts = IsList ? [values[0], .. Elements(values[1], reader)] : values[..Texts.Length];
            if (IsList && labels.Length != texts.Length - 1)
            {
                throw reader.Wrong($"has {texts.Length - 1} documents and {labels.Length} labels. Give every document its label.");
            }
            if (IsList && labels.Length == 0) { throw reader.Wrong("has no documents. Leave such a row out."); }
            yield return new TrainingRow(texts, labels);
        }
    }

    private double[] Numbers(string text, RowReader reader)
    {
        if (text.StartsWith('[')) { return [.. Elements(text, reader).Select(element => Number(element, reader))]; }
        return [Number(text, reader)];
    }

    private double Number(string text, RowReader reader) => RowReader.Label(text)
        ?? throw reader.Wrong($"'{Label}' is {Quoted.Text(text)}, which is no number. Write labels as numbers, or name the column of the labels last.");

    private static string[] Elements(string text, RowReader reader)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(text);
            return [.. json.RootElement.EnumerateArray().Select(element => element.ValueKind == JsonValueKind.String ? element.GetString()!
                : element.GetRawText())];
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw reader.Wrong($"{Quoted.Text(text)} is no JSON list. Write [\"a\", \"b\"].");
        }
    }
}
