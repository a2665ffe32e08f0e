using MiniLM.Data;

namespace MiniLM.Evaluation;

/// <summary>Why no relevant document of a query came within the cutoff: of several reasons the first one.</summary>
internal enum LossCause
{
    /// <summary>The corpus has no such document.</summary>
    NotInCorpus,

    /// <summary>Its score is that of the last document within the cutoff: only the rule for equal scores put it behind.</summary>
    Tied,

    /// <summary>The model had it before it and did not read all of it, or of the query.</summary>
    Truncated,

    /// <summary>The reranker put it behind where the first stage had it.</summary>
    Demoted,

    /// <summary>None of these: the first stage had it behind the cutoff or not at all, and a reranker did not put it further behind.</summary>
    BelowFirstStage,
}

/// <summary>A query without a relevant document within the cutoff.</summary>
/// <param name="Query">Its id.</param>
/// <param name="Answer">Of its relevant documents the one that came furthest: by rank, then by rank of the first stage.</param>
/// <param name="Cause">Why it is not within the cutoff.</param>
internal sealed record LostQuery(string Query, string Answer, LossCause Cause)
{
    /// <summary>Rank of the answer in the first stage, from 1; null: it is not there.</summary>
    internal int? FirstRank { get; init; }

    /// <summary>Rank of the answer in the run that is explained.</summary>
    internal int? Rank { get; init; }

    /// <summary>Score of the answer in the run that is explained.</summary>
    internal double? Score { get; init; }

    /// <summary>Score of the last document within the cutoff.</summary>
    internal double? ScoreAtDepth { get; init; }

    /// <summary>Null without queries or without this one.</summary>
    internal string? QueryText { get; init; }

    /// <summary>Null: the corpus has no such document.</summary>
    internal string? AnswerText { get; init; }

    /// <summary>What came first instead; null: nothing was retrieved.</summary>
    internal string? Top { get; init; }

    internal double? TopScore { get; init; }

    internal string? TopText { get; init; }

    /// <summary>What the model would have to read; null without a model.</summary>
    internal InputLength? Length { get; init; }
}

/// <summary>Where the answers of a run were lost: in the corpus, at the model's limit, in the first stage or in the reranker.</summary>
internal sealed class RunExplanation
{
    private readonly record struct Place(int Rank, double Score);

    private readonly record struct Loss(string Query, string[] Relevant, TrecRun.Line[] First, TrecRun.Line[] Final);

    private readonly TrecRun _first, _final;
    private readonly bool _isReranked;
    private readonly int _level;

    private RunExplanation(TrecRun first, TrecRun? second, int depth, int level) =>
        (_first, _final, _isReranked, _level, Depth) = (first, second ?? first, second is not null, level, depth);

    /// <summary>Ranks that count.</summary>
    internal int Depth { get; }

    /// <summary>Queries with a relevant document.</summary>
    internal int Queries { get; private set; }

    /// <summary>Those that have none within the cutoff, in the order of the judgements.</summary>
    internal IReadOnlyList<LostQuery> Lost { get; private set; } = [];

    internal int Count(LossCause cause) => Lost.Count(lost => lost.Cause == cause);

    /// <summary>Explains the second run, or the first one where there is no second. Runs are ranked as trec_eval does.</summary>
    /// <param name="qrels">Judgements.</param>
    /// <param name="first">The first stage.</param>
    /// <param name="second">What a reranker made of it; null: there is none.</param>
    /// <param name="depth">Ranks that count, from 1.</param>
    /// <param name="corpus">The documents; stays the caller's.</param>
    /// <param name="queries">Texts of the queries; null: they are not known.</param>
    /// <param name="limit">Of the model; null: there is none.</param>
    /// <param name="level">Lowest grade of a relevant document, from 1.</param>
    /// <param name="cancellation">Looked at all along.</param>
    /// <exception cref="DataFormatException">A line of a collection is damaged.</exception>
    internal static RunExplanation Of(Qrels qrels, TrecRun first, TrecRun? second, int depth, TextCollection corpus, TextCollection? queries = null,
        InputLimit? limit = null, int level = 1, CancellationToken cancellation = default)
    {
        RunExplanation explanation = new(first, second, depth, level);
        Loss[] losses = [.. explanation.Losses(qrels, cancellation)];
        HashSet<string> documents = new(losses.SelectMany(explanation.Documents), StringComparer.Ordinal), lost = new(losses.Select(loss => loss.Query));
        Dictionary<string, string> texts = Texts(corpus, "document", documents, cancellation);
        Dictionary<string, string> questions = queries is null ? [] : Texts(queries, "query", lost, cancellation);
        explanation.Lost = [.. losses.Select(loss => explanation.Explain(loss, texts, questions.GetValueOrDefault(loss.Query), limit, cancellation))];
        return explanation;
    }

    private IEnumerable<Loss> Losses(Qrels qrels, CancellationToken cancellation)
    {
        foreach ((string query, Dictionary<string, int> grades) in qrels.Queries)
        {
            cancellation.ThrowIfCancellationRequested();
            string[] relevant = [.. grades.Where(grade => grade.Value >= _level).Select(grade => grade.Key)];
            if (relevant.Length == 0) { continue; }
            Queries++;
            TrecRun.Line[] lines = Lines(_final, query);
            if (lines.Take(Depth).Any(line => grades.GetValueOrDefault(_final.Documents[line.Document]) >= _level)) { continue; }
            yield return new Loss(query, relevant, Lines(_first, query), lines);
        }
    }

    private static TrecRun.Line[] Lines(TrecRun run, string query) => run.FindQuery(query) is >= 0 and int found ? run.RankedLines(found) : [];

    private IEnumerable<string> Documents(Loss loss) => loss.Relevant.Concat(loss.Final.Take(1).Select(line => _final.Documents[line.Document]));

    private static Dictionary<string, string> Texts(TextCollection collection, string what, HashSet<string> ids, CancellationToken cancellation)
    {
        Dictionary<string, string> texts = new(StringComparer.Ordinal);
        CollectionWindows windows = new(collection, what, ids.Contains);
        while (windows.Read(cancellation))
        {
            foreach (Document document in windows.Window) { texts.Add(document.Id, document.Joined); }
        }
        return texts;
    }

    private LostQuery Explain(Loss loss, Dictionary<string, string> texts, string? query, InputLimit? limit, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        Dictionary<string, Place> first = Places(_first, loss.First), final = Places(_final, loss.Final);
        string answer = loss.Relevant.OrderBy(id => Rank(final, id) ?? int.MaxValue).ThenBy(id => Rank(first, id) ?? int.MaxValue)
            .ThenByDescending(texts.ContainsKey).ThenBy(id => id, Utf8Order.Instance).First();
        string? text = texts.GetValueOrDefault(answer), top = loss.Final.Length > 0 ? _final.Documents[loss.Final[0].Document] : null;
        InputLength? length = text is null ? null : limit?.Measure(query, text);
        int? firstRank = Rank(first, answer), rank = Rank(final, answer);
        double? score = final.TryGetValue(answer, out Place place) ? place.Score : null;
        double? atDepth = loss.Final.Length >= Depth ? loss.Final[Depth - 1].Score : null;
        // The model is that of the last run. A reranker reads what is in its run or what it left out, which first come as far as it goes; a bi-encoder
        // that made the only run read all documents.
        bool isRead = rank is not null || (_isReranked ? firstRank <= loss.Final.Length : limit is { IsPair: false });
        // A reranker that leaves a document out has put it behind all that it kept.
        bool isDemoted = _isReranked && firstRank is { } before && (before <= Depth || before < (rank ?? loss.Final.Length + 1));
        LossCause cause = text is null ? LossCause.NotInCorpus
            : score is not null && (float?)score == (float?)atDepth ? LossCause.Tied // float32, as trec_eval compares
            : length is { Beyond: > 0 } && isRead ? LossCause.Truncated
            : isDemoted ? LossCause.Demoted : LossCause.BelowFirstStage;
        return new LostQuery(loss.Query, answer, cause)
        {
            FirstRank = firstRank,
            Rank = rank,
            Score = score,
            ScoreAtDepth = atDepth,
            QueryText = query,
            AnswerText = text,
            Top = top,
            TopScore = top is null ? null : loss.Final[0].Score,
            TopText = top is null ? null : texts.GetValueOrDefault(top),
            Length = length,
        };
    }

    private static Dictionary<string, Place> Places(TrecRun run, TrecRun.Line[] lines) =>
        lines.Select((line, i) => (Id: run.Documents[line.Document], Place: new Place(i + 1, line.Score)))
            .ToDictionary(line => line.Id, line => line.Place, StringComparer.Ordinal);

    private static int? Rank(Dictionary<string, Place> places, string id) => places.TryGetValue(id, out Place place) ? place.Rank : null;
}
