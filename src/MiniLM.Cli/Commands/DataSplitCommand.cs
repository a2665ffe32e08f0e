using System.CommandLine;
using System.Globalization;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Data;
using MiniLM.Data.Splitting;

namespace MiniLM.Cli.Commands;

/// <summary>A file of rows cut into train, valid and test.</summary>
internal sealed class DataSplitCommand : CliCommand
{
    private static readonly string[] All = ["train", "valid", "test"];

    private readonly Option<string?> _stratify = new("--stratify")
    {
        Description = "column whose values every part has in the proportion of the whole",
        HelpName = "COLUMN",
    };

    private readonly Option<string> _sizes = new("--sizes")
    {
        Description = "rows of train, valid and test, or of train and test; what is left over is left out",
        HelpName = "N,N,N",
        Required = true,
    };

    private readonly Option<int?> _seed = NumberOption.Create("--seed", "of the draw (42)", least: 0);
    private readonly Option<string> _output = new("--output") { Description = "folder for train.*, valid.*, test.*", HelpName = "DIR", Required = true };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace the parts that are there" };
    private readonly InputOptions _input;

    internal DataSplitCommand() : base("split", "Cuts a file of rows into train, valid and test; rows stay byte for byte and in their order.")
    {
        _input = new InputOptions(this, hasColumn: false, hasFlush: false);
        foreach (Option option in new Option[] { _stratify, _sizes, _seed, _output, _overwrite }) { Options.Add(option); }
    }

    internal override string[] Examples =>
        ["minilm data split --input pairs.tsv --stratify is_duplicate --sizes 40000,5000,5000 --seed 1 --output DIR"];

    internal override int Run(ParseResult parse, Session session)
    {
        string input = _input.Path(parse) ?? throw new UsageException("nothing to split: give --input FILE"), output = parse.GetValue(_output)!;
        if (input == DataFile.StandardInput) { throw new UsageException("--input -: the rows are read several times. Give a file"); }
        int[] sizes = Sizes(parse.GetValue(_sizes)!);
        string[] names = [.. (sizes.Length == 3 ? All : ["train", "test"]).Select(name => name + Suffixes(input))];
        OutputTarget.CheckFolder(output);
        FolderTarget.Check(output, parse.GetValue(_overwrite), file => All.Contains(file.Split('.')[0]), "train, valid and test");
        if (names.Any(name => FileStatus.IsSame(Path.Combine(output, name), input)))
        {
            throw new UsageException($"{input}: is the input and would be an output. Give another folder");
        }
        string? column = parse.GetValue(_stratify);
        RowFormat format = _input.Format(parse, column is null ? [] : [column]) with { HasNoColumns = column is null, ListsFrom = 0 };
        RowSplit split = new(input, format, session.Cancellation);
        split.Deal(sizes, column, (ulong)(parse.GetValue(_seed) ?? 42));
        using PartialFolder folder = new(output);
        for (int part = 0; part < sizes.Length; part++) { split.Write(part, Path.Combine(folder.Path, names[part]), session.Cancellation); }
        folder.Complete();
        session.Say($"{output}: {string.Join(", ", names.Zip(sizes, (name, size) => $"{name} {size} rows"))}");
        if (column is not null) { session.Say($"{column}: {string.Join(", ", split.Values.Select(value => $"{Quoted.Text(value.Value)} {value.Rows}"))}"); }
        return 0;
    }

    private static int[] Sizes(string text)
    {
        string[] parts = text.Split(',');
        int[] sizes = new int[parts.Length];
        bool areNumbers = true;
        for (int i = 0; i < parts.Length; i++)
        {
            areNumbers &= int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out sizes[i]) && sizes[i] > 0;
        }
        return areNumbers && parts.Length is 2 or 3 ? sizes
            : throw new UsageException($"--sizes {text}: give two or three numbers of rows from 1 up, as in 40000,5000,5000");
    }

    // .tsv.gz of pairs.tsv.gz: the parts are read as the whole is.
    private static string Suffixes(string input) =>
        input.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? Path.GetExtension(input[..^3]) + input[^3..] : Path.GetExtension(input);
}
