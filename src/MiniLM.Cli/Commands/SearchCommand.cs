using System.CommandLine;
using System.Globalization;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Retrieval;

namespace MiniLM.Cli.Commands;

/// <summary>The nearest documents of an index, for one query or a file of them.</summary>
internal sealed class SearchCommand : CliCommand
{
    private const int QueriesAtOnce = 1024;

    private readonly Argument<string?> _query = new("query") { Description = "one query, instead of --queries", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _index = new("--index") { Description = "folder made by 'minilm index'", HelpName = "DIR", Required = true };
    private readonly Option<string?> _queries = new("--queries")
    {
        Description = ".tsv (id, tab, text) or .jsonl (_id, text); - for standard input",
        HelpName = "FILE",
    };

    private readonly Option<int?> _topK = NumberOption.Create("--top-k", "documents a query (10)");
    private readonly Option<string?> _output = new("--output") { Description = "TREC run; - for standard output", HelpName = "FILE" };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace what is there" };
    private readonly Option<bool> _json = new("--json") { Description = "a JSON object a document found" };
    private readonly ModelOptions _model;

    internal SearchCommand() : base("search", "Finds the documents of an index whose vectors are nearest to a query's.")
    {
        Arguments.Add(_query);
        foreach (Option option in new Option[] { _index, _queries, _topK, _output, _overwrite, _json }) { Options.Add(option); }
        _model = new ModelOptions(this, hasPrompt: true);
    }

    internal override string[] Examples => ["minilm search --index DIR \"one query\"", "minilm search --index DIR --queries q.tsv --top-k 10 --output out.run"];

    internal override int Run(ParseResult parse, Session session)
    {
        string? query = parse.GetValue(_query), queries = parse.GetValue(_queries), output = parse.GetValue(_output);
        if (query is null && queries is null) { throw new UsageException("nothing to search for: give a query or --queries FILE"); }
        if (query is not null && queries is not null) { throw new UsageException("give a query or --queries, not both"); }
        if (query is not null && output is not null) { throw new UsageException("--output takes the run of --queries: one query is printed"); }
        if (queries is not null && parse.GetValue(_json)) { throw new UsageException("--json is for one query: --queries gives a TREC run"); }
        int topK = parse.GetValue(_topK) ?? 10;
        using VectorIndex index = VectorIndex.Open(parse.GetValue(_index)!);
        using TextCollection? file = queries is null ? null : TextCollection.Open(queries, openStandardInput: session.OpenInput);
        using RunOutput? run = file is null ? null : new RunOutput(output ?? "-", parse.GetValue(_overwrite), session);
        using Device device = _model.OpenDevice(parse, session);
        using BiEncoder encoder = OpenModel(parse, index, device);
        EmbedOptions options = _model.Embedding(parse);
        long ties = 0;
        if (query is not null)
        {
            float[] embedding = new float[encoder.Dimension];
            EncodingStatistics one = encoder.Embed([query], embedding, options, session.Cancellation);
            session.SayTruncated(one.Truncated, one.Inputs);
            SearchHit[] hits = index.Search(embedding, topK, device, session.Cancellation)[0];
            ties = Ties(hits);
            if (parse.GetValue(_json)) { WriteJson(session.OutputText, index, hits); } else { WriteTable(session.OutputText, index, hits); }
        }
        else { ties = SearchAll(file!, run!, index, encoder, device, options, topK, session); }
        if (ties > 0) { session.Say($"equal scores: {ties} (the earlier document first)"); }
        return 0;
    }

    private BiEncoder OpenModel(ParseResult parse, VectorIndex index, Device device)
    {
        string folder;
        if (_model.ModelName(parse) is not null) { folder = _model.ResolveModel(parse); }
        else if (Directory.Exists(index.Model)) { folder = index.Model; }
        else { throw new ModelFormatException($"{index.Folder}: made with the model {index.Model}, which is not there. Say where it is now: --model M"); }
        BiEncoder encoder = BiEncoder.Open(folder, device, _model.Precision(parse));
        try
        {
            if (encoder.Dimension != index.Dimension)
            {
                throw new ModelFormatException($"{folder}: gives {encoder.Dimension} floats, {index.Folder} holds vectors of {index.Dimension}. "
                    + $"Use the model that made it, {index.Model}, or index again.");
            }
            if (encoder.Folder.Hash != index.ModelHash)
            {
                throw new ModelFormatException($"{folder}: hash {encoder.Folder.Hash[..12]}..., {index.Folder} was made by {index.Model} with "
                    + $"{Start(index.ModelHash)}...: another model's vectors mean nothing here. Use that model, or index again.");
            }
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
        return encoder;

        static string Start(string hash) => hash.Length > 12 ? hash[..12] : hash;
    }

    private static long SearchAll(
        TextCollection queries, RunOutput run, VectorIndex index, BiEncoder encoder, Device device, EmbedOptions options, int topK, Session session)
    {
        List<string> ids = [], texts = [];
        HashSet<string> known = new(StringComparer.Ordinal);
        (long ties, int inputs, int truncated) = (0, 0, 0);
        for (bool more = true; more;)
        {
            long chars = 0;
            while (texts.Count < QueriesAtOnce && chars < RowWindows.MaxChars && (more = queries.Read(out string id, out string text)))
            {
                if (id.AsSpan().IndexOfAny(" \t\r\n\f\v") >= 0)
                {
                    throw queries.Wrong($"the id {Weights.Quoted.Text(id)} has white space, which separates the fields of a run. Rename it.");
                }
                if (!known.Add(id)) { throw queries.Wrong($"the id {Weights.Quoted.Text(id)} was there before. Give every query its own."); }
                ids.Add(id);
                texts.Add(text);
                chars += text.Length;
            }
            float[] embeddings = new float[texts.Count * encoder.Dimension];
            EncodingStatistics window;
            try { window = encoder.Embed(texts, embeddings, options, session.Cancellation); }
            catch (NonFiniteResultException error) { throw new NonFiniteResultException(inputs + error.Index); }
            (inputs, truncated) = (inputs + window.Inputs, truncated + window.Truncated);
            SearchHit[][] found = index.Search(embeddings, topK, device, session.Cancellation);
            for (int i = 0; i < found.Length; i++)
            {
                ties += Ties(found[i]);
                for (int rank = 0; rank < found[i].Length; rank++)
                {
                    run.Write(ids[i], index.Document(found[i][rank].Document).Id, rank + 1, found[i][rank].Score);
                }
            }
            ids.Clear();
            texts.Clear();
        }
        if (inputs == 0) { throw queries.Wrong("the file has no queries. Give at least one."); }
        run.Complete();
        session.SayTruncated(truncated, inputs);
        return ties;
    }

    private static int Ties(SearchHit[] hits) => hits.Zip(hits.Skip(1)).Count(pair => pair.First.Score == pair.Second.Score);

    private static void WriteJson(TextWriter output, VectorIndex index, SearchHit[] hits)
    {
        for (int rank = 0; rank < hits.Length; rank++)
        {
            (string id, string title, string text) = index.Document(hits[rank].Document);
            JsonLine.Write(output, json =>
            {
                json.WriteNumber("rank", rank + 1);
                json.WriteString("id", id);
                json.WriteNumber("score", hits[rank].Score);
                if (title.Length > 0) { json.WriteString("title", title); }
                json.WriteString("text", text);
            });
        }
    }

    private static void WriteTable(TextWriter output, VectorIndex index, SearchHit[] hits)
    {
        const int Shown = 100;
        TextTable table = new(">rank", ">score", "id", "text");
        for (int rank = 0; rank < hits.Length; rank++)
        {
            (string id, _, string text) = index.Document(hits[rank].Document);
            string line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
            table.Add((rank + 1).ToString(CultureInfo.InvariantCulture), hits[rank].Score.ToString("f4", CultureInfo.InvariantCulture), id,
                line.Length > Shown ? string.Concat(line.AsSpan(0, Shown), "...") : line);
        }
        table.Write(output);
    }
}
