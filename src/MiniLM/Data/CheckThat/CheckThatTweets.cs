namespace MiniLM.Data.CheckThat;

/// <summary>A tweet, and the paper it talks about; null where the file does not say.</summary>
internal readonly record struct Tweet(string PostId, string Text, string? CordUid);

/// <summary>The tweets of CheckThat! 2025, task 4b: a table with a header and quotes, since tweets hold line breaks.</summary>
internal static class CheckThatTweets
{
    /// <summary>Tweets in the order of the file.</summary>
    /// <param name="path">.tsv or .csv, plain or .gz.</param>
    /// <param name="hasPapers">Whether there is a column cord_uid, as of training and development files.</param>
    /// <param name="cancellation">Looked at for every tweet.</param>
    /// <exception cref="DataFormatException">A damaged row, a missing column, or a post_id that comes twice.</exception>
    internal static List<Tweet> Read(string path, out bool hasPapers, CancellationToken cancellation = default)
    {
        DataFile.Require(path);
        using Table table = new(
            DataFile.Open(path, cancellation: cancellation), DataFile.Name(path), DataFile.Suffix(path) == ".csv" ? ',' : '\t', quotes: true);
        string[] header = table.Read() ? [.. Enumerable.Range(0, table.Count).Select(table.Field)] : [];
        int id = Require(table, header, "post_id"), text = Require(table, header, "tweet_text"), paper = Array.IndexOf(header, "cord_uid");
        hasPapers = paper >= 0;
        KnownIds known = new();
        List<Tweet> tweets = [];
        while (table.Read())
        {
            cancellation.ThrowIfCancellationRequested();
            if (table.Count != header.Length) { throw table.Wrong($"has {table.Count} field(s), the header has {header.Length}. Correct the row."); }
            Tweet tweet = new(table.Field(id), table.Field(text), paper < 0 || table.Field(paper) is not { Length: > 0 } uid ? null : uid);
            if (tweet.PostId.Length == 0 || !known.Add(tweet.PostId))
            {
                throw table.Wrong($"the post_id {Quoted.Text(tweet.PostId)} is empty or was there before. Give every tweet its own.");
            }
            tweets.Add(tweet);
        }
        return tweets;
    }

    private static int Require(Table table, string[] header, string column) => Array.IndexOf(header, column) is >= 0 and int index ? index
        : throw new DataFormatException($"{table.Name}:1: has no column '{column}', it has {string.Join(", ", header.Select(Quoted.Text))}. "
            + "Give a file of tweets: post_id, tweet_text, cord_uid.");
}
