using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>The queries of a run, each with its documents in a new order.</summary>
internal static class RunReranking
{
    /// <summary>Ranks and writes query by query; those that the output has are passed over.</summary>
    internal static void Run(RerankInput input, PairScorer scorer, int topK, ScoreKind kind, EmbedOptions options, RowOutput output, Session session)
    {
        using Progress progress = new(session, "rerank", output.Rows);
        RunEmbeddings? embeddings = scorer.Bi is { } bi ? RunEmbeddings.Create(input, bi, options, (int)output.Rows, output, session) : null;
        WindowPace pace = new();
        List<string> texts = [];
        int queries = input.Queries.Length;
        for (int first = (int)output.Rows; first < queries;)
        {
            session.Cancellation.ThrowIfCancellationRequested();
            int end = first;
            texts.Clear();
            while (end < queries && !pace.IsFull)
            {
                foreach (TrecRun.Line line in input.Run.Lines[end])
                {
                    texts.Add(input.Queries[end]);
                    texts.Add(input.Documents[line.Document]);
                    pace.Add(input.Queries[end], input.Documents[line.Document]);
                }
                end++;
            }
            pace.Start();
            if (embeddings is null)
            {
                EncodingStatistics statistics = scorer.Compute(texts, session.Cancellation);
                (output.Inputs, output.Truncated) = (output.Inputs + statistics.Inputs, output.Truncated + statistics.Truncated);
            }
            int pair = 0;
            for (int query = first; query < end; query++)
            {
                List<TrecRun.Line> lines = input.Run.Lines[query];
                float[] raw = new float[lines.Count];
                for (int i = 0; i < raw.Length; i++) { raw[i] = embeddings?.Score(query, lines[i].Document) ?? scorer.Raw(pair++); }
                Write(input.Run, query, raw, scorer, topK, kind, output);
            }
            pace.Stop();
            output.Rows += end - first;
            first = end;
            output.Checkpoint();
            progress.Report(output.Rows);
        }
    }

    private static void Write(TrecRun run, int query, float[] raw, PairScorer scorer, int topK, ScoreKind kind, RowOutput output)
    {
        int[] order = [.. Enumerable.Range(0, raw.Length).OrderByDescending(index => raw[index])]; // stable: the earlier first
        for (int rank = 1; rank < order.Length; rank++)
        {
            if (raw[order[rank]] == raw[order[rank - 1]]) { output.Ties++; }
        }
        for (int rank = 0; rank < Math.Min(order.Length, topK); rank++)
        {
            output.Text.WriteRun(run.Queries[query], run.Documents[run.Lines[query][order[rank]].Document], rank + 1, scorer.Score(raw[order[rank]], kind));
        }
    }
}
