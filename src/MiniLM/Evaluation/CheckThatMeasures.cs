using MiniLM.Data;
using MiniLM.Evaluation.Statistics;

namespace MiniLM.Evaluation;

/// <summary>CheckThat! task 4b: the paper a tweet speaks of, found among ranked candidates. One paper a tweet is right.</summary>
internal sealed class CheckThatMeasures
{
    private readonly int[] _ranks;

    private CheckThatMeasures(int[] ranks) => _ranks = ranks;

    /// <summary>Tweets of the gold file.</summary>
    internal int Tweets => _ranks.Length;

    /// <summary>Mean over all tweets of 1 / rank of the right paper among the first k, else 0.</summary>
    internal double MrrAt(int k) => PairwiseSum.Mean([.. _ranks.Select(rank => rank <= k ? 1.0 / rank : 0)]);

    /// <summary>Share of the tweets whose paper is among the first k.</summary>
    internal double RecallAt(int k) => _ranks.Average(rank => rank <= k ? 1.0 : 0);

    /// <summary>Compares two tables with headers.</summary>
    /// <param name="predictions">Columns post_id and preds, a list best first; a tweet may be missing, its rank is then infinite.</param>
    /// <param name="gold">Columns post_id and cord_uid.</param>
    /// <param name="openStandardInput">For <c>-</c>.</param>
    /// <param name="cancellation">Looked at once a row.</param>
    /// <exception cref="DataFormatException">A column is missing, a list is none, a tweet is there twice, or in the predictions only.</exception>
    internal static CheckThatMeasures Read(
        string predictions, string gold, Func<Stream>? openStandardInput = null, CancellationToken cancellation = default)
    {
        Dictionary<string, string> papers = new(StringComparer.Ordinal);
        Dictionary<string, int> ranks = new(StringComparer.Ordinal);
        ForEachTweet(gold, "cord_uid", openStandardInput, cancellation, (tweet, paper, _) => papers.Add(tweet, paper));
        if (papers.Count == 0) { throw new DataFormatException($"{DataFile.Name(gold)}: has no tweets. Give a file with at least one."); }
        ForEachTweet(predictions, "preds", openStandardInput, cancellation, (tweet, list, reader) =>
        {
            if (!papers.TryGetValue(tweet, out string? paper))
            {
                throw reader.Wrong($"tweet {Quoted.Text(tweet)} is not in {DataFile.Name(gold)}. Give the predictions and the gold file of one split.");
            }
            List<string> found = PredictedList.Parse(list)
                ?? throw reader.Wrong($"preds is {Quoted.Text(list)}, not a list. Write ['id', 'id'] or [\"id\", \"id\"].");
            int place = found.IndexOf(paper);
            ranks.Add(tweet, place < 0 ? int.MaxValue : place + 1);
        });
        return new CheckThatMeasures([.. papers.Keys.Select(tweet => ranks.GetValueOrDefault(tweet, int.MaxValue))]);
    }

    private static void ForEachTweet(
        string path, string column, Func<Stream>? openStandardInput, CancellationToken cancellation, Action<string, string, RowReader> add)
    {
        // Quotes quote, as in the tables that pandas writes: a JSON list stands in quotes there.
        using RowReader reader = RowReader.Open(path, new RowFormat { Columns = ["post_id", column], Quotes = true }, openStandardInput, cancellation);
        HashSet<string> seen = new(StringComparer.Ordinal);
        string[] values = new string[2];
        while (reader.Read(values))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!seen.Add(values[0])) { throw reader.Wrong($"tweet {Quoted.Text(values[0])} is there twice. Leave one of them."); }
            add(values[0], values[1], reader);
        }
    }
}
