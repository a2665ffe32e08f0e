using System.CommandLine;
using System.Diagnostics;
using MiniLM.Cli.Options;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Retrieval;
using MiniLM.Text.Repair;

namespace MiniLM.Cli.Commands;

/// <summary>A corpus to an index folder, window by window.</summary>
internal sealed class IndexCommand : CliCommand
{
    private readonly Option<bool> _dense = new("--dense") { Description = "vectors of a model, searched exactly" };
    private readonly Option<string?> _corpus = new("--corpus")
    {
        Description = ".jsonl (_id, title, text), or .tsv (id, tab, text); - for standard input",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string?> _output = new("--output") { Description = "folder of the index", HelpName = "DIR", Required = true };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace what is there" };
    private readonly Option<string?> _fixText = FixTextOption.Create();
    private readonly ModelOptions _model;

    internal IndexCommand() : base("index", "Embeds a corpus and keeps vectors and texts in a folder, for search.")
    {
        foreach (Option option in new Option[] { _dense, _corpus, _output, _overwrite, _fixText }) { Options.Add(option); }
        _model = new ModelOptions(this, hasPrompt: true);
    }

    internal override string[] Examples => ["minilm index --dense --corpus corpus.jsonl --output DIR"];

    internal override int Run(ParseResult parse, Session session)
    {
        if (!parse.GetValue(_dense)) { throw new UsageException("say which index: --dense is the one that this build makes"); }
        string corpus = parse.GetValue(_corpus)!, output = parse.GetValue(_output)!, folder = _model.ResolveModel(parse);
        TextRepairKind repair = FixTextOption.Kind(parse, _fixText) ?? TextRepairKind.None;
        using TextCollection texts = TextCollection.Open(corpus, openStandardInput: session.OpenInput, repair: repair, cancellation: session.Cancellation);
        using Device device = _model.OpenDevice(parse, session);
        using BiEncoder encoder = BiEncoder.Open(folder, device, _model.Precision(parse), session.Cancellation);
        EmbedOptions options = _model.Embedding(parse);
        using VectorIndexWriter writer = new(output, encoder.Dimension, parse.GetValue(_overwrite)) { Repair = repair };
        EncodingStatistics total = AddAll(new EmbeddedWindows(new CollectionWindows(texts, "document"), encoder, options), encoder.Dimension, writer, session);
        if (total.Inputs == 0) { throw new DataFormatException($"{DataFile.Name(corpus)}: has no documents. Give a corpus with at least one."); }
        session.Cancellation.ThrowIfCancellationRequested();
        writer.Complete(encoder.Folder.Path, encoder.Folder.HashUntil(session.Cancellation), options.PromptName ?? encoder.Folder.DefaultPromptName);
        session.SayTruncated(total.Truncated, total.Inputs);
        session.Say($"{output}: {total.Inputs} documents");
        return 0;
    }

    private static EncodingStatistics AddAll(EmbeddedWindows corpus, int dimension, VectorIndexWriter writer, Session session)
    {
        Stopwatch sinceSaid = Stopwatch.StartNew();
        while (corpus.Read(session.Cancellation))
        {
            for (int i = 0; i < corpus.Window.Count; i++) { writer.Add(corpus.Window[i], corpus.Vectors.Slice(i * dimension, dimension)); }
            if (sinceSaid.Elapsed.TotalSeconds >= (session.IsLive ? 2 : 30))
            {
                session.Say($"{corpus.Total.Inputs} documents so far");
                sinceSaid.Restart();
            }
        }
        return corpus.Total;
    }
}
