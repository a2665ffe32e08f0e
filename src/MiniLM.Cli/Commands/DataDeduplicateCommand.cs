using System.CommandLine;
using System.IO.Compression;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Data;
using MiniLM.Data.Duplicates;

namespace MiniLM.Cli.Commands;

/// <summary>A file of rows without those whose text repeats an earlier one.</summary>
internal sealed class DataDeduplicateCommand : CliCommand
{
    private readonly Option<string?> _output = new("--output") { Description = "file; .gz is compressed", HelpName = "FILE", Required = true };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace what is there" };
    private readonly Option<double?> _threshold = ThresholdOption.Create();
    private readonly Option<bool> _json = new("--json") { Description = "the counts as one JSON object" };
    private readonly InputOptions _input;

    internal DataDeduplicateCommand() : base("deduplicate", "Leaves out rows whose text is, or is nearly, that of a row before; the others stay byte for byte.")
    {
        _input = new InputOptions(this, hasFlush: false);
        foreach (Option option in new Option[] { _output, _overwrite, _threshold, _json }) { Options.Add(option); }
    }

    internal override string[] Examples => ["minilm data deduplicate --input train.jsonl --column query --output clean.jsonl --threshold 0.8"];

    internal override int Run(ParseResult parse, Session session)
    {
        string input = _input.Path(parse) ?? throw new UsageException("nothing to deduplicate: give --input FILE"), output = parse.GetValue(_output)!;
        if (input == DataFile.StandardInput) { throw new UsageException("--input -: the rows are read more than once. Give a file"); }
        OutputTarget.CheckInputs(output, input);
        OutputTarget.Check(output, parse.GetValue(_overwrite));
        double threshold = ThresholdOption.Value(parse, _threshold);
        ShingleCounts counts = Read("count", RemainingRows.Count);
        Deduplication deduplication = new(threshold, counts);
        List<(long Start, long End)> removed =
            Read("compare", (reader, report, cancellation) => RemainingRows.FindRemoved(reader, deduplication, report, cancellation));
        session.Detail($"{deduplication.Compared} pairs of texts compared");
        PartialFile.WriteWhole(output, stream => Copy(input, removed, stream, output, session), parse.GetValue(_overwrite), session.Cancellation);
        session.Say($"{deduplication.Kept} rows kept; removed: {deduplication.Exact} the same, {deduplication.Near} similar");
        if (!parse.GetValue(_json)) { return 0; }
        JsonLine.Write(session.OutputText, json =>
        {
            json.WriteNumber("kept", deduplication.Kept);
            json.WriteNumber("exact", deduplication.Exact);
            json.WriteNumber("near", deduplication.Near);
            json.WriteNumber("threshold", threshold);
        });
        return 0;

        T Read<T>(string verb, Func<RowReader, Action<long>, CancellationToken, T> read)
        {
            using RowReader reader = RowReader.Open(input, _input.Format(parse), cancellation: session.Cancellation);
            using Progress progress = new(session, verb, 0);
            return read(reader, progress.Report, session.Cancellation);
        }
    }

    private static void Copy(string input, List<(long Start, long End)> removed, Stream stream, string output, Session session)
    {
        if (!output.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
        {
            RemainingRows.Copy(input, removed, stream, session.Cancellation);
            return;
        }
        using GZipStream compressed = new(stream, CompressionLevel.Optimal, leaveOpen: true);
        RemainingRows.Copy(input, removed, compressed, session.Cancellation);
    }
}
