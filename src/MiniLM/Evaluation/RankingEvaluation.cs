using MiniLM.Data;

namespace MiniLM.Evaluation;

/// <summary>What the measures say of a run.</summary>
public sealed class RankingEvaluation
{
    private readonly Measure[] _measures;
    private readonly double[][] _values;
    private readonly string[][] _texts;
    private readonly bool[] _isMissing;

    private RankingEvaluation(Measure[] measures, string[] queries)
    {
        (_measures, Queries, _isMissing) = (measures, queries, new bool[queries.Length]);
        Measures = Array.ConvertAll(measures, measure => measure.Name);
        (_values, _texts) = (new double[queries.Length][], new string[queries.Length][]);
    }

    /// <summary>Names of the measures, as asked for; a set of them is here by its members.</summary>
    public IReadOnlyList<string> Measures { get; }

    /// <summary>The queries that count, by id in the order of its bytes.</summary>
    public IReadOnlyList<string> Queries { get; }

    /// <summary>Documents that share their float32 score with another one of their query; the greater id, by bytes, was taken to be first.</summary>
    public long Ties { get; private set; }

    /// <summary>Judged queries that the run has not.</summary>
    internal int Missing { get; private set; }

    internal ReadOnlySpan<Measure> Definitions => _measures;

    /// <summary>A measure of the run; NaN: it is no number.</summary>
    /// <param name="measure">Place in <see cref="Measures"/>.</param>
    public double Mean(int measure)
    {
        IEnumerable<double> values = Enumerable.Range(0, Queries.Count)
            .Where(query => _measures[measure].Summary != MeasureSummary.Sum || !_isMissing[query]).Select(query => _values[query][measure]);
        return _measures[measure].Summary switch
        {
            MeasureSummary.Mean => values.Sum() / Queries.Count,
            MeasureSummary.GeometricMean => Math.Exp(values.Sum() / Queries.Count),
            MeasureSummary.Sum or MeasureSummary.Queries => values.Sum(),
            _ => double.NaN,
        };
    }

    /// <summary>A measure of a query; NaN: it is no number.</summary>
    /// <param name="query">Place in <see cref="Queries"/>.</param>
    /// <param name="measure">Place in <see cref="Measures"/>.</param>
    public double Value(int query, int measure) => _values[query][measure];

    /// <summary>What a measure that is no number says of a query.</summary>
    internal string Text(int query, int measure) => _texts[query][measure];

    /// <summary>Measures a run.</summary>
    /// <exception cref="ArgumentException">None of its queries is judged.</exception>
    internal static RankingEvaluation Of(Qrels qrels, TrecRun run, Measure[] measures, RankingOptions options, CancellationToken cancellation = default)
    {
        string[] queries = [.. qrels.Queries.Keys.Where(id => options.AllQueries || run.FindQuery(id) >= 0)
            .Order(Utf8Order.Instance)];
        int missing = qrels.Queries.Keys.Count(id => run.FindQuery(id) < 0);
        if (missing == qrels.Queries.Count) { throw new ArgumentException("none of the run's queries is judged"); }
        RankingEvaluation evaluation = new(measures, queries) { Missing = missing };
        for (int i = 0; i < queries.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            int query = run.FindQuery(queries[i]);
            Dictionary<string, int> judgements = qrels.Queries[queries[i]];
            JudgedRanking ranking = JudgedRanking.Of(run, query, judgements, options, qrels.MaxGrade);
            evaluation._isMissing[i] = query < 0;
            evaluation._values[i] = Array.ConvertAll(measures, measure => measure.Value(ranking));
            evaluation._texts[i] = Array.ConvertAll(measures, measure => measure.Text?.Invoke(ranking) ?? "");
            if (query >= 0) { evaluation.Ties += CountTies(run, query, options.JudgedOnly ? judgements : null); }
        }
        return evaluation;
    }

    private static long CountTies(TrecRun run, int query, Dictionary<string, int>? judgements)
    {
        float[] scores = [.. run.Lines[query]
            .Where(line => judgements is null || (judgements.TryGetValue(run.Documents[line.Document], out int grade) && grade >= 0))
            .Select(line => (float)line.Score)];
        Array.Sort(scores);
        return TiedScores.Count(scores);
    }
}
