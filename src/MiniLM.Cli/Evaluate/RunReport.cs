using MiniLM.Data;
using MiniLM.Evaluation;

namespace MiniLM.Cli.Evaluate;

/// <summary>A run with what is measured of it.</summary>
/// <param name="Path">As given.</param>
/// <param name="Run">Its lines.</param>
/// <param name="Evaluation">Its measures.</param>
internal sealed record EvaluatedRun(string Path, TrecRun Run, RankingEvaluation Evaluation);

/// <summary>Two of the runs.</summary>
/// <param name="Baseline">What is compared with.</param>
/// <param name="Other">What is compared.</param>
/// <param name="Measures">One a measure.</param>
internal sealed record ComparedRuns(EvaluatedRun Baseline, EvaluatedRun Other, RunComparison[] Measures)
{
    /// <summary>Queries that count in both.</summary>
    internal int Queries { get; } = Baseline.Evaluation.Queries.Intersect(Other.Evaluation.Queries).Count();
}

/// <summary>What <c>evaluate run</c> found out, before it is given a form.</summary>
internal sealed class RunReport
{
    private RunReport(Qrels qrels, EvaluatedRun[] runs, ComparedRuns[] comparisons) => (Qrels, Runs, Comparisons) = (qrels, runs, comparisons);

    internal Qrels Qrels { get; }

    internal EvaluatedRun[] Runs { get; }

    /// <summary>Each run with the first one.</summary>
    internal ComparedRuns[] Comparisons { get; }

    /// <summary>Reads and measures.</summary>
    /// <param name="qrels">Judgements.</param>
    /// <param name="paths">Of runs.</param>
    /// <param name="measures">What is asked for.</param>
    /// <param name="options">What counts.</param>
    /// <param name="session">For standard input, and for what is worth saying of a run.</param>
    internal static RunReport Of(string qrels, string[] paths, Measure[] measures, RankingOptions options, Session session)
    {
        Qrels judgements = Qrels.Read(qrels, session.OpenInput, session.Cancellation);
        EvaluatedRun[] runs = Array.ConvertAll(paths, path => Evaluate(path, qrels, judgements, measures, options, session));
        RunComparison[][] compared = RunComparison.Correct(Array.ConvertAll(runs[1..], run => Compare(runs[0], run, session)));
        return new RunReport(judgements, runs, [.. runs.Skip(1).Zip(compared, (run, comparisons) => new ComparedRuns(runs[0], run, comparisons))]);
    }

    private static RunComparison[] Compare(EvaluatedRun first, EvaluatedRun second, Session session)
    {
        using Progress progress = new(session, "compare", 0, "resampled measures");
        return RunComparison.Of(first.Evaluation, second.Evaluation, measures => progress.Report(measures), session.Cancellation);
    }

    private static EvaluatedRun Evaluate(string path, string qrels, Qrels judgements, Measure[] measures, RankingOptions options, Session session)
    {
        TrecRun run = TrecRun.Read(path, session.OpenInput, session.Cancellation);
        string name = DataFile.Name(path);
        if (!run.Queries.Exists(judgements.Queries.ContainsKey))
        {
            throw new DataFormatException($"{name}: none of its queries ({Quoted.Text(run.Queries[0])}, ...) is judged in {DataFile.Name(qrels)}. "
                + "Give the judgements of these queries.");
        }
        RankingEvaluation evaluation = RankingEvaluation.Of(judgements, run, measures, options, session.Cancellation);
        if (evaluation.Missing > 0)
        {
            session.Say($"{name}: has no lines for {evaluation.Missing} of {judgements.Queries.Count} judged queries, which "
                + (options.AllQueries ? "count with nothing retrieved" : "are left out (-c counts them)"));
        }
        if (evaluation.Ties > 0) { session.Say($"{name}: equal scores: {evaluation.Ties} (the greater id first)"); }
        return new EvaluatedRun(path, run, evaluation);
    }
}
