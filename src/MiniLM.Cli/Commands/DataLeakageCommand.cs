using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MiniLM.Cli.Options;
using MiniLM.Data;
using MiniLM.Data.Duplicates;

namespace MiniLM.Cli.Commands;

/// <summary>Texts of a test set that are in a training set.</summary>
internal sealed class DataLeakageCommand : CliCommand
{
    private readonly Option<string?> _train = new("--train")
    {
        Description = "training rows: .jsonl, .tsv, .csv or .txt, plain or .gz",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string> _test = new("--test") { Description = "test rows, of the same columns", HelpName = "FILE", Required = true };
    private readonly Option<double?> _threshold = ThresholdOption.Create();
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object" };
    private readonly InputOptions _input;

    internal DataLeakageCommand() : base("leakage", "Counts the texts of a test set that are, or nearly are, in a training set, also across columns.")
    {
        _input = new InputOptions(this, hasColumn: false, hasColumns: true, input: _train, hasFlush: false);
        foreach (Option option in new Option[] { _test, _threshold, _json }) { Options.Add(option); }
    }

    internal override string[] Examples => ["minilm data leakage --train train.tsv --test test.tsv --columns question1,question2 --json"];

    internal override int Run(ParseResult parse, Session session)
    {
        string[]? columns = _input.Columns(parse);
        InputFiles.CheckStandardInput(_input.Path(parse), parse.GetValue(_test));
        RowFormat format = _input.Format(parse, columns);
        Rows train = Read(_input.Path(parse)!, format, session), test = Read(parse.GetValue(_test)!, format, session);
        double threshold = ThresholdOption.Value(parse, _threshold);
        string[] names = columns ?? ["text"];
        Leakage leakage;
        using (Progress progress = new(session, "compare", 0))
        {
            leakage = Leakage.Measure(train.Texts, test.Texts, names.Length, threshold, progress.Report, session.Cancellation);
        }
        if (parse.GetValue(_json)) { JsonLine.Write(session.OutputText, json => WriteJson(json, leakage, names, train, test, threshold)); }
        else { WriteTable(session.OutputText, leakage, names, train, test); }
        return 0;
    }

    // Texts, and the line on which each row begins.
    private sealed record Rows(List<string[]> Texts, List<long> Lines);

    private static Rows Read(string path, RowFormat format, Session session)
    {
        using RowReader reader = RowReader.Open(path, format, session.OpenInput, session.Cancellation);
        Rows rows = new([], []);
        string[] row = new string[Math.Max(1, format.Columns.Length)];
        while (reader.Read(row))
        {
            session.Cancellation.ThrowIfCancellationRequested();
            rows.Texts.Add([.. row]);
            rows.Lines.Add(reader.Line);
        }
        return rows;
    }

    private static void WriteTable(TextWriter output, Leakage leakage, string[] columns, Rows train, Rows test)
    {
        output.WriteLine($"{leakage.LeakedRows} of {test.Texts.Count} test rows have a text of {train.Texts.Count} training rows, the same or similar");
        TextTable table = new("train", "test", ">same", ">similar");
        ForEachPair(leakage, columns, (trainColumn, testColumn, pair) => table.Add(columns[trainColumn], columns[testColumn], $"{pair.Exact}", $"{pair.Near}"));
        table.Write(output);
        ForEachPair(leakage, columns, (trainColumn, testColumn, pair) =>
        {
            foreach (Leakage.Example example in pair.Examples)
            {
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{example.Similarity:0.000}  line {train.Lines[example.TrainRow]}: ")
                    + $"{Quoted.Text(train.Texts[example.TrainRow][trainColumn])}  line {test.Lines[example.TestRow]}: "
                    + Quoted.Text(test.Texts[example.TestRow][testColumn]));
            }
        });
    }

    private static void WriteJson(Utf8JsonWriter json, Leakage leakage, string[] columns, Rows train, Rows test, double threshold)
    {
        json.WriteNumber("train_rows", train.Texts.Count);
        json.WriteNumber("test_rows", test.Texts.Count);
        json.WriteNumber("leaked_test_rows", leakage.LeakedRows);
        json.WriteNumber("threshold", threshold);
        json.WriteStartArray("columns");
        ForEachPair(leakage, columns, (trainColumn, testColumn, pair) =>
        {
            json.WriteStartObject();
            json.WriteString("train", columns[trainColumn]);
            json.WriteString("test", columns[testColumn]);
            json.WriteNumber("exact", pair.Exact);
            json.WriteNumber("near", pair.Near);
            json.WriteStartArray("examples");
            foreach (Leakage.Example example in pair.Examples)
            {
                json.WriteStartObject();
                json.WriteNumber("train_line", train.Lines[example.TrainRow]);
                json.WriteNumber("test_line", test.Lines[example.TestRow]);
                json.WriteNumber("similarity", example.Similarity);
                json.WriteString("train_text", train.Texts[example.TrainRow][trainColumn]);
                json.WriteString("test_text", test.Texts[example.TestRow][testColumn]);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        });
        json.WriteEndArray();
    }

    private static void ForEachPair(Leakage leakage, string[] columns, Action<int, int, Leakage.ColumnPair> action)
    {
        for (int train = 0; train < columns.Length; train++)
        {
            for (int test = 0; test < columns.Length; test++) { action(train, test, leakage.Pairs[train, test]); }
        }
    }
}
