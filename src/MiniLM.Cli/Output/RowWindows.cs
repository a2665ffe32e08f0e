using MiniLM.Batching;
using MiniLM.Data;

namespace MiniLM.Cli.Output;

/// <summary>Rows of a file through a computation, a window at a time: a stream of any length in bounded memory.</summary>
internal static class RowWindows
{
    /// <summary>Computes the rows of a window and writes them.</summary>
    /// <param name="texts">Row after row, column after column.</param>
    /// <param name="first">Number of the first row, from 0.</param>
    internal delegate EncodingStatistics Work(IReadOnlyList<string> texts, long first);

    /// <summary>Reads all rows, past those that the output has.</summary>
    internal static void Run(RowReader reader, int columns, WindowPace pace, RowOutput output, Session session, string verb, Work work)
    {
        string[] row = new string[columns];
        for (long skip = output.Rows; skip > 0; skip--)
        {
            session.Cancellation.ThrowIfCancellationRequested();
            if (reader.Read(row)) { continue; }
            throw reader.Wrong($"the input ends {skip} rows before the place to go on from. Use --overwrite to start afresh.");
        }
        using Progress progress = new(session, verb, output.Rows, share: () => reader.ShareRead);
        List<string> texts = [];
        long tokens = 0;
        for (bool more = true; more;)
        {
            texts.Clear();
            long chars = 0;
            while (!pace.IsFull && chars < CollectionWindows.MaxChars && (more = reader.Read(row)))
            {
                texts.AddRange(row);
                pace.Add(row);
                foreach (string text in row) { chars += text.Length; }
            }
            session.Cancellation.ThrowIfCancellationRequested();
            if (texts.Count == 0) { break; }
            pace.Start();
            EncodingStatistics statistics;
            try { statistics = work(texts, output.Rows); }
            catch (NonFiniteResultException error) { throw new NonFiniteResultException((int)(output.Rows + error.Index / columns)); }
            pace.Stop();
            output.Rows += texts.Count / columns;
            output.Inputs += statistics.Inputs;
            output.Truncated += statistics.Truncated;
            output.Checkpoint();
            progress.Report(output.Rows, tokens += statistics.Tokens);
        }
        if (output.Rows == 0) { session.Note("the input has no rows"); }
    }
}
