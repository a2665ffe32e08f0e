using System.CommandLine;
using System.Globalization;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Evaluation;
using MiniLM.Model;
using MiniLM.Retrieval;
using MiniLM.Text.Repair;

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
    private readonly Option<string?> _fixText = FixTextOption.Create("as the index was made");
    private readonly ModelOptions _model;

    internal SearchCommand() : base("search", "Finds the documents of an index whose vectors are nearest to a query's.")
    {
        Arguments.Add(_query);
        foreach (Option option in new Option[] { _index, _queries, _topK, _output, _overwrite, _json, _fixText }) { Options.Add(option); }
        _model = new ModelOptions(this, hasEmbeddings: true, hasSimilarity: true);
    }

    internal override string[] Examples => ["minilm search --index DIR \"one query\"", "minilm search --index DIR --queries q.tsv --top-k 10 --output out.run"];

    internal override int Run(ParseResult parse, Session session)
    {
        string? query = parse.GetValue(_query), queries = parse.GetValue(_queries), output = parse.GetValue(_output);
        if (query is null && queries is null) { throw new UsageException("nothing to search for: give a query or --queries FILE"); }
        if (query is not null && queries is not null) { throw new UsageException("give a query or --queries, not both"); }
        if (query is not null && output is not null) { throw new UsageException("--output takes the run of --queries: one query is printed"); }
        if (queries is not null && parse.GetValue(_json)) { throw new UsageException("--json is for one query: --queries gives a TREC run"); }
        if (parse.GetValue(_overwrite) && output is null) { throw new UsageException("--overwrite goes with --output"); }
        if (output is not null and not "-") { OutputTarget.CheckInputs(output, queries); }
        InputFiles.NoteName(query, "--queries", session);
        int topK = parse.GetValue(_topK) ?? 10;
        using VectorIndex index = VectorIndex.Open(parse.GetValue(_index)!);
        TextRepairKind repair = FixTextOption.Kind(parse, _fixText) ?? index.Repair;
        using TextCollection? file = queries is null ? null
            : TextCollection.Open(queries, new RowFormat { Repair = repair }, session.OpenInput, session.Cancellation);
        using RowOutput? run = file is null ? null
            : output is null or "-" ? new StandardRows(session.Output) : new WholeFile(output, parse.GetValue(_overwrite));
        using Device device = _model.OpenDevice(parse, session);
        EmbedOptions options = _model.Embedding(parse, EmbedTask.Query);
        options = options with { Dimensions = options.Dimensions ?? index.Dimension, Normalize = options.Normalize || index.IsNormalized };
        using BiEncoder encoder = OpenModel(parse, index, options, device, session);
        _model.SayPrompt(parse, encoder, options, "queries", session);
        SimilarityFunction similarity = _model.Similarity(parse) ?? encoder.Folder.SimilarityFunction;
        long ties = 0;
        if (query is not null)
        {
            float[] embedding = new float[index.Dimension];
            EncodingStatistics one = encoder.Embed([TextRepair.Apply(query, repair)], embedding, options, session.Cancellation);
            session.SayTruncated(one.Truncated, one.Inputs);
            SearchHit[] hits = index.Search(embedding, topK, device, similarity, session.Cancellation)[0];
            ties = Ties(hits);
            if (parse.GetValue(_json)) { WriteJson(session.OutputText, index, hits); } else { WriteTable(session.OutputText, index, hits); }
        }
        else
        {
            EmbeddedWindows windows = new(new CollectionWindows(file!, "query", capacity: QueriesAtOnce), encoder, options);
            ties = SearchAll(windows, run!, index, device, topK, similarity, session);
            if (windows.Total.Inputs == 0) { throw new DataFormatException($"{DataFile.Name(queries!)}: has no queries. Give at least one."); }
            run!.Finish([]);
            session.SayTruncated(windows.Total.Truncated, windows.Total.Inputs);
        }
        if (ties > 0) { session.Say($"equal scores: {ties} (the earlier document first)"); }
        return 0;
    }

    private BiEncoder OpenModel(ParseResult parse, VectorIndex index, EmbedOptions options, Device device, Session session)
    {
        string folder;
        if (_model.ModelName(parse) is not null) { folder = _model.ResolveModel(parse); }
        else if (Directory.Exists(index.Model)) { folder = index.Model; }
        else { throw new ModelFormatException($"{index.Folder}: made with the model {index.Model}, which is not there. Say where it is now: --model M"); }
        BiEncoder encoder = _model.OpenEncoder(parse, device, session, folder);
        try
        {
            if (encoder.DimensionOf(options) != index.Dimension)
            {
                throw new ModelFormatException($"{folder}: gives {encoder.DimensionOf(options)} floats, {index.Folder} holds vectors of {index.Dimension}. "
                    + $"Use the model that made it, {index.Model}, or index again.");
            }
            if (encoder.Folder.HashUntil(session.Cancellation) != index.ModelHash)
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

    private static long SearchAll(EmbeddedWindows queries, RowOutput run, VectorIndex index, Device device, int topK,
        SimilarityFunction similarity, Session session)
    {
        long ties = 0;
        while (queries.Read(session.Cancellation))
        {
            SearchHit[][] found = index.Search(queries.Vectors, topK, device, similarity, session.Cancellation);
            for (int query = 0; query < found.Length; query++)
            {
                SearchHit[] hits = found[query];
                ties += Ties(hits);
                for (int rank = 0; rank < hits.Length; rank++)
                {
                    run.Text.WriteRunLine(queries.Window[query].Id, index.Documents.Read(hits[rank].Document).Id, rank + 1, hits[rank].Score);
                }
            }
        }
        return ties;
    }

    private static int Ties(SearchHit[] hits) => TiedScores.Count(Array.ConvertAll(hits, hit => hit.Score));

    private static void WriteJson(TextWriter output, VectorIndex index, SearchHit[] hits)
    {
        for (int rank = 0; rank < hits.Length; rank++)
        {
            Document document = index.Documents.Read(hits[rank].Document);
            JsonLine.Write(output, json =>
            {
                json.WriteNumber("rank", rank + 1);
                json.WriteString("id", document.Id);
                json.WriteNumber("score", hits[rank].Score);
                if (document.Title.Length > 0) { json.WriteString("title", document.Title); }
                json.WriteString("text", document.Text);
            });
        }
    }

    private static void WriteTable(TextWriter output, VectorIndex index, SearchHit[] hits)
    {
        Document[] documents = [.. hits.Select(hit => index.Documents.Read(hit.Document))];
        bool hasTitles = documents.Any(document => document.Title.Length > 0);
        TextTable table = new([">rank", ">score", "id", .. hasTitles ? ["title"] : Array.Empty<string>(), "text"]);
        for (int rank = 0; rank < hits.Length; rank++)
        {
            Document document = documents[rank];
            string number = (rank + 1).ToString(CultureInfo.InvariantCulture), score = hits[rank].Score.ToString("f4", CultureInfo.InvariantCulture);
            string[] title = hasTitles ? [Shown(document.Title, 50)] : [];
            table.Add([number, score, document.Id, .. title, Shown(document.Text, 100)]);
        }
        table.Write(output);
    }

    // The beginning of a text on one line.
    private static string Shown(string text, int length)
    {
        string line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length > length ? string.Concat(line.AsSpan(0, length), "...") : line;
    }
}
