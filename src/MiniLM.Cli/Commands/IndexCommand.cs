using System.CommandLine;
using System.Diagnostics;
using MiniLM.Batching;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
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
        Description = ".jsonl (_id, title, text), or .tsv (id, tab, text); - for standard input",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string?> _output = new("--output") { Description = "folder of the index", HelpName = "DIR", Required = true };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace what is there" };
    private readonly ModelOptions _model;

    internal IndexCommand() : base("index", "Embeds a corpus and keeps vectors and texts in a folder, for search.")
    {
        foreach (Option option in new Option[] { _dense, _corpus, _output, _overwrite }) { Options.Add(option); }
        _model = new ModelOptions(this, hasPrompt: true);
    }

    internal override string[] Examples => ["minilm index --dense --corpus corpus.jsonl --output DIR"];

    internal override int Run(ParseResult parse, Session session)
    {
        if (!parse.GetValue(_dense)) { throw new UsageException("say which index: --dense is the one that this build makes"); }
        string corpus = parse.GetValue(_corpus)!, output = parse.GetValue(_output)!, folder = _model.ResolveModel(parse);
        using TextCollection texts = TextCollection.Open(corpus, openStandardInput: session.OpenInput);
        using Device device = _model.OpenDevice(parse, session);
        using BiEncoder encoder = BiEncoder.Open(folder, device, _model.Precision(parse));
        EmbedOptions options = _model.Embedding(parse);
        using VectorIndexWriter writer = new(output, encoder.Dimension, parse.GetValue(_overwrite));
        EncodingStatistics total = AddAll(texts, encoder, options, writer, session);
        if (total.Inputs == 0) { throw new DataFormatException($"{DataFile.Name(corpus)}: has no documents. Give a corpus with at least one."); }
        session.Cancellation.ThrowIfCancellationRequested();
        writer.Complete(encoder.Folder.Path, encoder.Folder.Hash, options.PromptName ?? encoder.Folder.DefaultPromptName);
        session.SayTruncated(total.Truncated, total.Inputs);
        session.Say($"{output}: {total.Inputs} documents");
        return 0;
    }

    private static EncodingStatistics AddAll(TextCollection corpus, BiEncoder encoder, EmbedOptions options, VectorIndexWriter writer, Session session)
    {
        List<string> ids = [], texts = [];
        KnownIds known = new();
        float[] vectors = [];
        (int inputs, long tokens, int truncated) = (0, 0, 0);
        Stopwatch sinceSaid = Stopwatch.StartNew();
        for (bool more = true; more;)
        {
            long chars = 0;
            while (texts.Count < SequenceWindow.Capacity && chars < RowWindows.MaxChars && (more = corpus.Read(out string id, out string text)))
            {
                if (!known.Add(id)) { throw corpus.Wrong($"the id {Weights.Quoted.Text(id)} was there before. Give every document its own."); }
                if (id.AsSpan().ContainsAny(" \t\r\n\v\f")) { throw corpus.Wrong($"the id {Weights.Quoted.Text(id)} has white space, which separates the fields of a run. Give it another."); }
                ids.Add(id);
                texts.Add(text);
                chars += text.Length;
            }
            if (vectors.Length < texts.Count * encoder.Dimension) { vectors = new float[texts.Count * encoder.Dimension]; }
            EncodingStatistics window;
            try { window = encoder.Embed(texts, vectors.AsSpan(0, texts.Count * encoder.Dimension), options, session.Cancellation); }
            catch (NonFiniteResultException error) { throw new NonFiniteResultException(inputs + error.Index); }
            for (int i = 0; i < texts.Count; i++) { writer.Add(ids[i], "", texts[i], vectors.AsSpan(i * encoder.Dimension, encoder.Dimension)); }
            (inputs, tokens, truncated) = (inputs + window.Inputs, tokens + window.Tokens, truncated + window.Truncated);
            ids.Clear();
            texts.Clear();
            if (more && sinceSaid.Elapsed.TotalSeconds >= (session.IsLive ? 2 : 30))
            {
                session.Say($"{inputs} documents so far");
                sinceSaid.Restart();
            }
        }
        return new EncodingStatistics(inputs, tokens, truncated);
    }
}
