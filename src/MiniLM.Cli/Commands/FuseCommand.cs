using System.CommandLine;
using System.Globalization;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Data;
using MiniLM.Evaluation;
using MiniLM.Ranking;

namespace MiniLM.Cli.Commands;

/// <summary>One run of several.</summary>
internal sealed class FuseCommand : CliCommand
{
    private static readonly string[] Methods = ["rrf", "minmax", "zscore", "combsum", "combmnz"]; // as FusionMethod counts them

    private readonly Argument<string[]> _runs = new("run")
    {
        Description = "two runs or more, TREC or MS MARCO's; one of them may be -",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string?> _method = NamedOption.Create(
        "--method", "sum of 1 / (k + rank), or of scores: normalised, as they are, as they are times lists that have the document (rrf)", Methods);
    private readonly Option<int?> _k = NumberOption.Create("--k", "k of rrf (60)", least: 0);
    private readonly Option<string?> _weights = new("--weights") { Description = "one a run, as in 1,0.5 (all 1)", HelpName = "LIST" };
    private readonly Option<int?> _depth = NumberOption.Create("--depth", "documents of each run and query that count (all)");
    private readonly Option<string?> _tag = TagOption.Create();
    private readonly OutputOptions _output;

    internal FuseCommand() : base("fuse", "Fuses runs: of each query one list of the documents of all, by rank or score.")
    {
        Arguments.Add(_runs);
        foreach (Option option in new Option[] { _method, _k, _weights, _depth, _tag }) { Options.Add(option); }
        _output = new OutputOptions(this, "TREC run; absent: standard output", canResume: false);
    }

    internal override string[] Examples =>
    [
        "minilm fuse bm25.run dense.run --output fused.run",
        "minilm fuse bm25.run dense.run --method minmax --weights 0.3,0.7 --depth 100 --output fused.run",
    ];

    internal override int Run(ParseResult parse, Session session)
    {
        string[] paths = parse.GetValue(_runs)!;
        if (paths.Length < 2) { throw new UsageException("give two runs or more"); }
        InputFiles.CheckStandardInput(paths);
        FusionMethod method = (FusionMethod)Array.IndexOf(Methods, parse.GetValue(_method) ?? Methods[0]);
        if (method != FusionMethod.Rrf && parse.GetValue(_k) is not null) { throw new UsageException("--k goes with --method rrf"); }
        double[] weights = Weights(parse.GetValue(_weights), paths.Length);
        _output.Check(parse, paths);
        TrecRun[] runs = Array.ConvertAll(paths, path => Read(path, method, parse.GetValue(_depth) ?? int.MaxValue, session));
        string? file = _output.Path(parse);
        using RowOutput output = file is null ? new StandardRows(session.Output) : new WholeFile(file, _output.Overwrite(parse));
        string tag = TagOption.Value(parse, _tag);
        foreach (string query in runs.SelectMany(run => run.Queries).Distinct())
        {
            session.Cancellation.ThrowIfCancellationRequested();
            Write(query, Fusion.Fuse(Array.ConvertAll(runs, run => List(run, query)), method, weights, parse.GetValue(_k) ?? 60), tag, output);
        }
        output.Finish([]);
        if (output.Ties > 0) { session.Say($"equal scores: {output.Ties} (the lesser id first)"); }
        return 0;
    }

    private static double[] Weights(string? given, int runs)
    {
        if (given is null) { return [.. Enumerable.Repeat(1.0, runs)]; }
        string[] parts = given.Split(',');
        double[] weights = Array.ConvertAll(parts, part =>
            double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double weight) && double.IsFinite(weight) && weight >= 0 ? weight
                : throw new UsageException($"--weights {given}: {Quoted.Text(part)} is not a number from 0 up"));
        return weights.Length == runs ? weights : throw new UsageException($"--weights {given}: {weights.Length} weights for {runs} runs. Give one a run");
    }

    private static TrecRun Read(string path, FusionMethod method, int depth, Session session)
    {
        TrecRun run = TrecRun.Read(path, session.OpenInput, session.Cancellation).Top(depth);
        for (int query = 0; query < run.Queries.Count && method != FusionMethod.Rrf; query++)
        {
            foreach (TrecRun.Line line in run.Lines[query])
            {
                if (double.IsFinite(line.Score)) { continue; }
                throw new DataFormatException($"{DataFile.Name(path)}: the score of document {Quoted.Text(run.Documents[line.Document])} in query "
                    + $"{Quoted.Text(run.Queries[query])} is infinite: it cannot be summed. Correct it, or fuse by ranks (--method rrf).");
            }
        }
        return run;
    }

    private static (string, double)[] List(TrecRun run, string query) =>
        run.FindQuery(query) is >= 0 and int found ? [.. run.Lines[found].Select(line => (run.Documents[line.Document], line.Score))] : [];

    private static void Write(string query, (string Document, double Score)[] fused, string tag, RowOutput output)
    {
        for (int i = 0; i < fused.Length; i++)
        {
            if (!double.IsFinite(fused[i].Score))
            {
                throw new DataFormatException($"query {Quoted.Text(query)}: the fused score of document {Quoted.Text(fused[i].Document)} is no finite number, "
                    + "because scores of the runs are too large. Fuse by ranks (--method rrf).");
            }
            output.Text.WriteRunLine(query, fused[i].Document, i + 1, fused[i].Score, tag);
        }
        output.Ties += TiedScores.Count(Array.ConvertAll(fused, line => (float)line.Score));
    }
}
