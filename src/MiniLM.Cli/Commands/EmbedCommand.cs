using System.CommandLine;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Compute;

namespace MiniLM.Cli.Commands;

/// <summary>Texts to vectors.</summary>
internal sealed class EmbedCommand : CliCommand
{
    private readonly Argument<string?> _text = new("text") { Description = "a text, instead of --input", Arity = ArgumentArity.ZeroOrOne };
    private readonly ModelOptions _model;

    internal EmbedCommand() : base("embed", "Embeds a text, or the texts of a file: a row of floats each, in input order.")
    {
        Arguments.Add(_text);
        _model = new ModelOptions(this, hasPrompt: true);
    }

    internal override string[] Examples => ["minilm embed \"a text\""];

    internal override int Run(ParseResult parse, Session session)
    {
        if (parse.GetValue(_text) is not { } text) { throw new UsageException("nothing to embed: give a text"); }
        using Device device = _model.OpenDevice(parse);
        using BiEncoder encoder = BiEncoder.Open(_model.ResolveModel(parse), device, _model.Precision(parse));
        float[] embedding = new float[encoder.Dimension];
        EncodingStatistics statistics = encoder.Embed([text], embedding, _model.Embedding(parse), session.Cancellation);
        using JsonRows rows = new(session.Output);
        rows.WriteEmbedding(embedding);
        rows.Flush();
        if (statistics.Truncated > 0) { session.Say($"truncated: {statistics.Truncated} of {statistics.Inputs}"); }
        return 0;
    }
}
