using MiniLM.Batching;
using MiniLM.Data;
using MiniLM.Evaluation;
using MiniLM.Ranking;

namespace MiniLM.Cli.Output;

/// <summary>A run in its new order, written as it is computed.</summary>
internal static class RerankedRun
{
    /// <summary>Ranks and writes query by query; those that the output has are passed over.</summary>
    /// <param name="reranking">The run.</param>
    /// <param name="score">What is shown of a raw score.</param>
    /// <param name="topK">Most documents of a query that are written.</param>
    /// <param name="tag">Of the lines.</param>
    /// <param name="output">Takes the lines; a row is a query.</param>
    /// <param name="session">Of the run.</param>
    internal static void Write(RunReranking reranking, Func<float, float> score, int topK, string tag, RowOutput output, Session session)
    {
        TrecRun run = reranking.Run;
        using Progress progress = new(session, "rerank", output.Rows, "queries", () => (double)output.Rows / run.Queries.Count);
        if (output.Rows == 0) { Count(reranking.Embedded); }
        long tokens = 0; // of what comes now: the others were told of while they were computed
        WindowPace pace = new();
        for (int first = (int)output.Rows, end; first < run.Queries.Count; first = end)
        {
            session.Cancellation.ThrowIfCancellationRequested();
            for (end = first; end < run.Queries.Count && !pace.IsFull; end++)
            {
                foreach (TrecRun.Line line in run.Lines[end]) { pace.Add(reranking.Length(end, line)); }
            }
            pace.Start();
            RankedDocument[][] ranked = reranking.Rank(first, end, score, out EncodingStatistics statistics, session.Cancellation);
            Count(statistics);
            tokens += statistics.Tokens;
            for (int query = first; query < end; query++) { WriteQuery(run, query, ranked[query - first], topK, tag, output); }
            pace.Stop();
            output.Rows += end - first;
            output.Checkpoint();
            progress.Report(output.Rows, tokens);
        }

        void Count(EncodingStatistics statistics)
        {
            output.Inputs += statistics.Inputs;
            output.Truncated += statistics.Truncated;
        }
    }

    private static void WriteQuery(TrecRun run, int query, RankedDocument[] ranked, int topK, string tag, RowOutput output)
    {
        ranked = ranked[..Math.Min(ranked.Length, topK)];
        output.Ties += TiedScores.Count(Array.ConvertAll(ranked, document => (float)document.Score));
        for (int rank = 0; rank < ranked.Length; rank++)
        {
            string document = run.Documents[run.Lines[query][ranked[rank].Index].Document];
            output.Text.WriteRunLine(run.Queries[query], document, rank + 1, ranked[rank].Score, tag);
        }
    }
}
