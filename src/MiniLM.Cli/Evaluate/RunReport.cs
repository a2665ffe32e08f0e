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
internal sealed record ComparedRuns(EvaluatedRun Baseline, EvaluatedRun Other, RunComparison[] Measures);

/// <summary>What <c>evaluate run</c> found out, before it is given a form.</summary>
internal sealed class RunReport
{
    private RunReport(Qrels qrels, EvaluatedRun[] runs, ComparedRuns[] comparisons) => (Qrels, Runs, Comparisons) = (qrels, runs, comparisons);

    internal Qrels Qrels { get; }

    internal EvaluatedRun[] Runs { get; }

    /// <summary>Each run with the first one; or all pairs.</summary>
    internal ComparedRuns[] Comparisons { get; }

    /// <summary>Reads and measures.</summary>
    /// <param name="qrels">Judgements.</param>
    /// <param name="paths">Of runs.</param>
    /// <param name="measures">What is asked for.</param>
    /// <param name="options">What counts.</param>
    /// <param name="allPairs">Compare every run with every other one.</param>
    /// <param name="session">For standard input, and for what is worth saying of a run.</param>
    internal static RunReport Of(string qrels, string[] paths, Measure[] measures, RankingOptions options, bool allPairs, Session session)
    {
        Qrels judgements = Qrels.Read(qrels, session.OpenInput, session.Cancellation);
        EvaluatedRun[] runs = Array.ConvertAll(paths, path => Evaluate(path, qrels, judgements, measures, options, session));
        (EvaluatedRun Baseline, EvaluatedRun Other)[] pairs = [.. from first in Enumerable.Range(0, allPairs ? runs.Length : 1)
                                                                  from second in Enumerable.Range(first + 1, runs.Length - first - 1)
                                                                  select (runs[first], runs[second])];
        RunComparison[][] compared = RunComparison.Correct(
            Array.ConvertAll(pairs, pair => RunComparison.Of(pair.Baseline.Evaluation, pair.Other.Evaluation, session.Cancellation)));
        return new RunReport(judgements, runs, [.. pairs.Zip(compared, (pair, comparisons) => new ComparedRuns(pair.Baseline, pair.Other, comparisons))]);
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
