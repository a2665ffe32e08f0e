using MiniLM.Text.Repair;

namespace MiniLM.Data;

/// <summary>How a file of rows is read.</summary>
internal sealed record RowFormat
{
    /// <summary>Columns by name, or by number from 0 without a header; empty: the one that holds the text.</summary>
    internal string[] Columns { get; init; } = [];

    /// <summary>Rows are only told apart; nothing is taken of them.</summary>
    internal bool HasNoColumns { get; init; }

    /// <summary>Whether quotes quote in tables; null: in .csv, not in .tsv.</summary>
    internal bool? Quotes { get; init; }

    /// <summary>Between the fields of a table; null: a tab, of .csv a comma.</summary>
    internal char? Delimiter { get; init; }

    /// <summary>Whether a table's first row names its columns.</summary>
    internal bool HasHeader { get; init; } = true;

    /// <summary>jsonl, tsv, csv or txt; null: by the file's suffix.</summary>
    internal string? Format { get; init; }

    /// <summary>The first of the columns whose JSON value may be a list, true or false: it is read as it is written.</summary>
    internal int ListsFrom { get; init; } = int.MaxValue;

    /// <summary>Options of the command at hand that say how rows are read: what a message may name.</summary>
    internal string[] Options { get; init; } = [];

    /// <summary>What is repaired of each value.</summary>
    internal TextRepairKind Repair { get; init; }
}
