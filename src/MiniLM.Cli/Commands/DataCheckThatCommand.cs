using System.CommandLine;
using MiniLM.Cli.Output;
using MiniLM.Data;
using MiniLM.Data.CheckThat;

namespace MiniLM.Cli.Commands;

/// <summary>The files of CheckThat! 2025, task 4b, as corpus, queries and judgements.</summary>
internal sealed class DataCheckThatCommand : CliCommand
{
    private readonly Option<string> _collection = new("--collection")
    {
        Description = "papers: the pickled DataFrame, or .jsonl (cord_uid, title, abstract); plain or .gz",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string> _tweets = new("--tweets")
    {
        Description = ".tsv with a header (post_id, tweet_text, cord_uid); without cord_uid there are no judgements",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string> _output = new("--output")
    {
        Description = "folder for corpus.jsonl, queries.tsv, qrels.tsv",
        HelpName = "DIR",
        Required = true,
    };

    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace what is there" };

    internal DataCheckThatCommand() : base("checkthat", "Makes corpus, queries and judgements of CheckThat! 2025, task 4b. Nothing in the pickle is run.")
    {
        foreach (Option option in new Option[] { _collection, _tweets, _output, _overwrite }) { Options.Add(option); }
    }

    internal override string[] Examples => ["minilm data checkthat --collection subtask4b_collection_data.pkl --tweets train.tsv --output DIR"];

    internal override int Run(ParseResult parse, Session session)
    {
        string collection = parse.GetValue(_collection)!, tweetFile = parse.GetValue(_tweets)!, output = parse.GetValue(_output)!;
        OutputTarget.CheckFolder(output);
        using RetrievalFolder folder = new(output, parse.GetValue(_overwrite), session.Cancellation);
        List<Document> papers = CheckThatPapers.Read(collection, session.Cancellation);
        List<Tweet> tweets = CheckThatTweets.Read(tweetFile, out bool hasPapers, session.Cancellation);
        List<Tweet> kept = hasPapers ? WithPapers(tweets, papers, tweetFile, session) : tweets;
        if (papers.Count == 0) { throw new DataFormatException($"{collection}: gives no papers. Give another file."); }
        if (kept.Count == 0) { throw new DataFormatException($"{tweetFile}: gives no tweets. Give another file."); }
        folder.WriteCorpus(papers);
        folder.WriteQueries(kept.Select(tweet => (tweet.PostId, tweet.Text)));
        if (hasPapers) { folder.WriteQrels(kept.Select(tweet => (tweet.PostId, tweet.CordUid!, 1))); }
        else { session.Say($"{tweetFile}: has no column cord_uid: no qrels.tsv"); }
        folder.Complete();
        session.Say($"{output}: {papers.Count} papers, {kept.Count} tweets");
        return 0;
    }

    // A tweet whose paper cannot be found would be counted against every system.
    private static List<Tweet> WithPapers(List<Tweet> tweets, List<Document> papers, string file, Session session)
    {
        HashSet<string> ids = papers.Select(paper => paper.Id).ToHashSet(StringComparer.Ordinal);
        List<Tweet> kept = tweets.FindAll(tweet => tweet.CordUid is not null && ids.Contains(tweet.CordUid));
        int unnamed = tweets.Count(tweet => tweet.CordUid is null), unknown = tweets.Count - kept.Count - unnamed;
        if (unnamed > 0) { session.Say($"{file}: {unnamed} of {tweets.Count} tweets name no paper: left out"); }
        if (unknown > 0) { session.Say($"{file}: {unknown} of {tweets.Count} tweets name a paper that the collection lacks: left out"); }
        return kept;
    }
}
