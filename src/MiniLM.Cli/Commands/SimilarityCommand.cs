using System.CommandLine;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Ranking;

namespace MiniLM.Cli.Commands;

/// <summary>Cosine of the embeddings of pairs.</summary>
internal sealed class SimilarityCommand : CliCommand
{
    private readonly InputOptions _input;
    private readonly OutputOptions _output;
    private readonly ModelOptions _model;

    internal SimilarityCommand() : base("similarity", "Scores pairs of texts by the cosine of their embeddings: {\"index\":i,\"score\":x} a pair.")
    {
        _input = new InputOptions(this, hasColumn: false, hasColumns: true);
        _output = new OutputOptions(this, "scores.jsonl; absent: standard output");
        _model = new ModelOptions(this, hasPrompt: true);
    }

    internal override string[] Examples => ["minilm similarity --input pairs.tsv --columns a,b --output scores.jsonl"];

    internal override int Run(ParseResult parse, Session session)
    {
        string input = _input.Path(parse) ?? throw new UsageException("--input is missing: give a file of pairs");
        string[] columns = _input.Pair(parse);
        string? path = _output.Path(parse);
        _output.Check(parse, input);
        using RowReader reader = RowReader.Open(input, _input.Format(parse, columns), session.OpenInput, session.Cancellation);
        using Device device = _model.OpenDevice(parse, session);
        BiEncoder encoder = BiEncoder.Open(_model.ResolveModel(parse), device, _model.Precision(parse), session.Cancellation);
        using CosineScorer scorer = new(encoder, _model.Embedding(parse)); // which disposes it
        _model.Check(parse, scorer.Encoder);
        using RowOutput output = path is null ? new StandardRows(session.Output) : Open(path, device, scorer.Encoder, parse, session);
        RowWindows.Run(reader, 2, _input.Pace(parse), output, session, "similarity", (texts, first) =>
        {
            EncodingStatistics statistics = scorer.Compute(texts, session.Cancellation);
            for (int i = 0; i < texts.Count / 2; i++) { output.Text.WriteScore(first + i, scorer.Raw(i), []); }
            return statistics;
        });
        output.Finish([]);
        session.SayTruncated(output.Truncated, output.Inputs);
        return 0;
    }

    private ResumableFile Open(string path, Device device, BiEncoder encoder, ParseResult parse, Session session)
    {
        RunIdentity identity = new(session.Cancellation);
        identity.Add("command", "similarity");
        _input.AddTo(identity, parse);
        _model.AddTo(identity, parse, device, encoder.Folder);
        return ResumableFile.Open(path, _output.Resume(parse), _output.Overwrite(parse), identity, [], session);
    }
}
