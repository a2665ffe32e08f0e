using System.CommandLine;
using MiniLM.Batching;
using MiniLM.Cli.Output;
using MiniLM.Data;
using MiniLM.Text.Repair;

namespace MiniLM.Cli.Options;

/// <summary>Which rows are read, and how.</summary>
internal sealed class InputOptions
{
    private readonly Option<string?> _input = new("--input")
    {
        Description = ".jsonl, .tsv, .csv or .txt, plain or .gz; - is standard input",
        HelpName = "FILE",
    };
    private readonly Option<string?> _column = new("--column") { Description = "column that holds the text (text)", HelpName = "NAME" };
    private readonly Option<string?> _columns = new("--columns") { Description = "columns of a pair", HelpName = "A,B" };
    private readonly Option<string?> _quotes = NamedOption.Create("--quotes", "whether quotes quote in tables (on for .csv, off for .tsv)", "on", "off");
    private readonly Option<string?> _delimiter = new("--delimiter") { Description = "between the fields of a table (tab; of .csv a comma)", HelpName = "C" };
    private readonly Option<bool> _noHeader = new("--no-header") { Description = "the table's first row is data; columns are numbers from 0" };
    private readonly Option<bool> _flush = new("--flush") { Description = "a line out for every line in, before the input ends" };
    private readonly Option<string?> _format = NamedOption.Create("--format", "format of the input (by its suffix)", "jsonl", "tsv", "csv", "txt");
    private readonly Option<string?> _fixText = FixTextOption.Create();
    private readonly string[] _names;

    internal InputOptions(Command command, bool hasColumn = true, bool hasColumns = false, Option<string?>? input = null, bool hasFlush = true,
        bool hasInput = true, Option? columns = null)
    {
        if (input is not null) { _input = input; }
        List<Option> ofRows = [_quotes, _delimiter, _noHeader, _format];
        if (hasColumns || columns is not null) { ofRows.Insert(0, columns ?? _columns); }
        if (hasColumn) { ofRows.Insert(0, _column); }
        _names = [.. ofRows.Select(option => option.Name)];
        if (hasInput) { command.Options.Add(_input); }
        foreach (Option option in ofRows) { command.Options.Add(option); }
        if (hasFlush) { command.Options.Add(_flush); }
        command.Options.Add(_fixText);
        All = [.. ofRows, _fixText];
    }

    /// <summary>Those that say how rows are read.</summary>
    internal IReadOnlyList<Option> All { get; }

    /// <summary>The file or -; null: not given.</summary>
    internal string? Path(ParseResult parse) => parse.GetValue(_input);

    internal WindowPace Pace(ParseResult parse) => new(parse.GetValue(_flush));

    internal bool? Quotes(ParseResult parse) => parse.GetValue(_quotes) is { } quotes ? quotes == "on" : null;

    private char? Delimiter(ParseResult parse) => parse.GetValue(_delimiter) switch
    {
        null => null,
        "\\t" or "tab" => '\t',
        [var one] when one is not ('"' or '\n' or '\r') && char.IsAscii(one) => one,
        string other => throw new UsageException($"--delimiter {other}: give one character, or tab"),
    };

    internal TextRepairKind Repair(ParseResult parse) => FixTextOption.Kind(parse, _fixText) ?? TextRepairKind.None;

    /// <summary>The columns of --columns; null: not given.</summary>
    internal string[]? Columns(ParseResult parse) => parse.GetValue(_columns)?.Split(',');

    /// <summary>The two columns of a pair.</summary>
    internal string[] Pair(ParseResult parse)
    {
        string[] columns = Columns(parse) ?? throw new UsageException("--columns is missing: name the two columns of a pair, as in --columns a,b");
        return columns.Length == 2 && columns.All(column => column.Length > 0) ? columns
            : throw new UsageException($"--columns {parse.GetValue(_columns)}: name two columns, as in --columns a,b");
    }

    /// <summary>How the rows are read.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="columns">Null: --column.</param>
    internal RowFormat Format(ParseResult parse, string[]? columns = null) => new()
    {
        Columns = columns ?? (parse.GetValue(_column) is { } column ? [column] : []),
        Quotes = Quotes(parse),
        Delimiter = Delimiter(parse),
        HasHeader = !parse.GetValue(_noHeader),
        Format = parse.GetValue(_format),
        Options = _names,
        Repair = Repair(parse),
    };

    /// <summary>The input and how it is read, as a result depends on it.</summary>
    internal void AddTo(RunIdentity identity, ParseResult parse, string? text = null)
    {
        if (text is not null) { identity.Add("text", text); }
        if (Path(parse) is { } path) { identity.AddFile("input", path); }
        identity.Add("columns", parse.GetValue(_columns) ?? parse.GetValue(_column));
        identity.Add("quotes", parse.GetValue(_quotes));
        identity.Add("delimiter", parse.GetValue(_delimiter));
        identity.Add("no_header", parse.GetValue(_noHeader) ? "true" : "");
        identity.Add("fix_text", TextRepair.Names[(int)Repair(parse)]);
        identity.Add("input_format", parse.GetValue(_format) ?? (Path(parse) is { } file ? DataFile.Suffix(file) : ""));
    }
}
