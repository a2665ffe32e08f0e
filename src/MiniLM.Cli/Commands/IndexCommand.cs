using System.CommandLine;
using MiniLM.Batching;
using MiniLM.Cli.Options;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Retrieval;

namespace MiniLM.Cli.Commands;

/// <summary>A corpus to an index folder, window by window.</summary>
internal sealed class IndexCommand : CliCommand
{
    private readonly Option<bool> _dense = new("--dense") { Description = "vectors of a model, searched exactly" };
    private readonly Option<string?> _corpus = new("--corpus")
    {
        Description = ".jsonl or .csv (_id, title, text), or .tsv (id, tab, text); - for standard input",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string?> _output = new("--output") { Description = "folder of the index", HelpName = "DIR", Required = true };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace what is there" };
    private readonly Option<string?> _columns = new("--columns")
    {
        Description = "a table's columns of id and text, or of id, title and text",
        HelpName = "A,B,C",
    };
    private readonly InputOptions _input;
    private readonly ModelOptions _model;

    internal IndexCommand() : base("index", "Embeds a corpus and keeps vectors and texts in a folder, for search.")
    {
        foreach (Option option in new Option[] { _dense, _corpus, _output, _overwrite }) { Options.Add(option); }
        _input = new InputOptions(this, hasColumn: false, hasFlush: false, hasInput: false, columns: _columns);
        _model = new ModelOptions(this, hasEmbeddings: true);
    }

    internal override string[] Examples => ["minilm index --dense --corpus corpus.jsonl --output DIR"];

    internal override int Run(ParseResult parse, Session session)
    {
        if (!parse.GetValue(_dense)) { throw new UsageException("say which index: --dense is the one that this build makes"); }
        string path = parse.GetValue(_corpus)!, output = parse.GetValue(_output)!, folder = _model.ResolveModel(parse);
        RowFormat format = _input.Format(parse, Columns(parse));
        using TextCollection texts = TextCollection.Open(path, format, session.OpenInput, session.Cancellation);
        using Device device = _model.OpenDevice(parse, session);
        using BiEncoder encoder = _model.OpenEncoder(parse, device, session, folder);
        EmbedOptions options = _model.Embedding(parse, EmbedTask.Document);
        _model.SayPrompt(parse, encoder, options, "documents", session);
        int width = encoder.DimensionOf(options);
        using VectorIndexWriter writer = new(output, width, parse.GetValue(_overwrite)) { Repair = format.Repair, IsNormalized = options.Normalize };
        EmbeddedWindows corpus = new(new CollectionWindows(texts, "document", pace: new WindowPace()), encoder, options);
        using (Progress progress = new(session, "index", 0, "documents", () => texts.ShareRead))
        {
            while (corpus.Read(session.Cancellation))
            {
                for (int i = 0; i < corpus.Window.Count; i++) { writer.Add(corpus.Window[i], corpus.Vectors.Slice(i * width, width)); }
                progress.Report(corpus.Total.Inputs, corpus.Total.Tokens);
            }
        }
        EncodingStatistics total = corpus.Total;
        if (total.Inputs == 0) { throw new DataFormatException($"{DataFile.Name(path)}: has no documents. Give a corpus with at least one."); }
        session.Cancellation.ThrowIfCancellationRequested();
        writer.Complete(encoder.Folder.Path, encoder.Folder.HashUntil(session.Cancellation), encoder.PromptName(options));
        session.SayTruncated(total.Truncated, total.Inputs);
        session.Say($"{output}: {total.Inputs} documents");
        return 0;
    }

    private string[] Columns(ParseResult parse) => parse.GetValue(_columns)?.Split(',') switch
    {
        null => [],
        { Length: 2 or 3 } columns when columns.All(column => column.Length > 0) => columns,
        _ => throw new UsageException($"--columns {parse.GetValue(_columns)}: name id and text, or id, title and text, as in --columns id,title,text"),
    };
}
