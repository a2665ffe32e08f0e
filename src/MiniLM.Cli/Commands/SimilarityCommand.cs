using System.CommandLine;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Ranking;
using MiniLM.Text.Repair;

namespace MiniLM.Cli.Commands;

/// <summary>Similarity of the embeddings of pairs.</summary>
internal sealed class SimilarityCommand : CliCommand
{
    private readonly Argument<string?> _first = new("text") { Description = "two texts, instead of --input", Arity = ArgumentArity.ZeroOrOne };
    private readonly Argument<string?> _second = new("text2") { Description = "the second of them", Arity = ArgumentArity.ZeroOrOne };
    private readonly InputOptions _input;
    private readonly OutputOptions _output;
    private readonly ModelOptions _model;

    internal SimilarityCommand() : base("similarity", "Scores pairs of texts by the similarity of their embeddings: {\"index\":i,\"score\":x} a pair.")
    {
        Arguments.Add(_first);
        Arguments.Add(_second);
        _input = new InputOptions(this, hasColumn: false, hasColumns: true);
        _output = new OutputOptions(this, "scores.jsonl; absent: standard output");
        _model = new ModelOptions(this, hasEmbeddings: true, hasSimilarity: true);
    }

    internal override string[] Examples =>
        ["minilm similarity \"a text\" \"another\"", "minilm similarity --input pairs.tsv --columns a,b --output scores.jsonl"];

    internal override int Run(ParseResult parse, Session session)
    {
        string? first = parse.GetValue(_first), second = parse.GetValue(_second), input = _input.Path(parse);
        if (first is null == input is null)
        {
            throw new UsageException(first is null ? "nothing to compare: give two texts, or a file of pairs (--input FILE)"
                : "texts and --input: give one of them");
        }
        if (first is not null && second is null) { throw new UsageException("one text: give two, each in quotes"); }
        string? path = _output.Path(parse);
        _output.Check(parse, input);
        using RowReader? reader = input is null ? null
            : RowReader.Open(input, _input.Format(parse, _input.Pair(parse)), session.OpenInput, session.Cancellation);
        using Device device = _model.OpenDevice(parse, session);
        using EmbeddingScorer scorer = new(_model.OpenEncoder(parse, device, session), _model.Embedding(parse), _model.Similarity(parse));
        using RowOutput output = path is null ? new StandardRows(session.Output) : Open(path, device, scorer.Encoder, parse, session);
        EncodingStatistics Compare(IReadOnlyList<string> texts, long row)
        {
            EncodingStatistics statistics = scorer.Compute(texts, session.Cancellation);
            for (int i = 0; i < texts.Count / 2; i++) { output.Text.WriteScore(row + i, scorer.Raw(i), []); }
            return statistics;
        }
        if (reader is not null) { RowWindows.Run(reader, 2, _input.Pace(parse), output, session, "similarity", Compare); }
        else
        {
            string[] texts = [TextRepair.Apply(first!, _input.Repair(parse)), TextRepair.Apply(second!, _input.Repair(parse))];
            (output.Rows, output.Inputs, output.Truncated) = (1, 2, Compare(texts, 0).Truncated);
        }
        output.Finish([]);
        session.SayTruncated(output.Truncated, output.Inputs);
        return 0;
    }

    private ResumableFile Open(string path, Device device, BiEncoder encoder, ParseResult parse, Session session)
    {
        RunIdentity identity = new(session.Cancellation);
        identity.Add("command", "similarity");
        _input.AddTo(identity, parse, parse.GetValue(_first) is { } first ? $"{first}\n{parse.GetValue(_second)}" : null);
        _model.AddTo(identity, parse, device, encoder.Folder);
        return ResumableFile.Open(path, _output.Resume(parse), _output.Overwrite(parse), identity, [], session);
    }
}
