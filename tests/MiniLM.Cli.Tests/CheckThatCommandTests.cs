using MiniLM.Data;
using MiniLM.Tests;

namespace MiniLM.Cli.Tests;

public sealed class CheckThatCommandTests : CommandTests
{
    private const string Papers = """
        {"cord_uid":"p1","title":"A title","abstract":"An abstract","text":"ignored"}
        {"doc_id":"p2","title":null,"abstract":null,"text":"Title and abstract"}
        {"cord_uid":"p3","doc_id":"other","title":"Only","abstract":null}

        """;

    private const string Tweets = "post_id\ttweet_text\tcord_uid\n1\t\"two\nlines\tand \"\"quotes\"\"\"\tp3\n2\tplain\tp9\n3\tnone\t\n4\tlast\tp1\n";

    private string[] Form(string papers = Papers, string tweets = Tweets, string output = "out") =>
        ["data", "checkthat", "--collection", Write("papers.jsonl", papers), "--tweets", Write("tweets.tsv", tweets), "--output", At(output)];

    [Fact]
    public void Data_MakesCorpusQueriesAndJudgements()
    {
        CommandResult result = CommandLine.Run(Form()).AssertDone();
        Assert.Empty(result.Output);
        Assert.Equal("""
            {"_id":"p1","title":"A title","text":"An abstract"}
            {"_id":"p2","title":"","text":"Title and abstract"}
            {"_id":"p3","title":"Only","text":""}

            """, File.ReadAllText(At("out/corpus.jsonl")));
        Assert.Equal("1\ttwo lines and \"quotes\"\n4\tlast\n", File.ReadAllText(At("out/queries.tsv")));
        Assert.Equal("query-id\tcorpus-id\tscore\n1\tp3\t1\n4\tp1\t1\n", File.ReadAllText(At("out/qrels.tsv")));
        Assert.Equal(
        [
            $"minilm: {At("tweets.tsv")}: 1 of 4 tweets name no paper: left out",
            $"minilm: {At("tweets.tsv")}: 1 of 4 tweets name a paper that the collection lacks: left out",
            $"minilm: {At("out")}: 3 papers, 2 tweets",
        ], result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        AssertOnly("papers.jsonl", "tweets.tsv", "out");
    }

    [Fact]
    public void Data_OfTweetsWithoutPapers_HasNoJudgements()
    {
        CommandResult result = CommandLine.Run(Form(tweets: "tweet_text\tpost_id\nx\t7\n")).AssertDone();
        Assert.Equal("7\tx\n", File.ReadAllText(At("out/queries.tsv")));
        Assert.False(File.Exists(At("out/qrels.tsv")));
        Assert.Contains("has no column cord_uid: no qrels.tsv", result.Error);
    }

    [Theory]
    [InlineData("papers.jsonl:1: has no cord_uid", "{\"title\":\"x\"}\n", Tweets)]
    [InlineData("papers.jsonl:2: the id 'a' was there before", "{\"cord_uid\":\"a\"}\n{\"cord_uid\":\"a\"}\n", Tweets)]
    [InlineData("the id 'a b' has white space", "{\"cord_uid\":\"a b\"}\n", "post_id\ttweet_text\n1\tx\n")]
    [InlineData("papers.jsonl: gives no papers", "", "post_id\ttweet_text\n1\tx\n")]
    [InlineData("tweets.tsv: gives no tweets", Papers, "post_id\ttweet_text\tcord_uid\n")]
    [InlineData("tweets.tsv:1: has no column 'post_id', it has 'id'", Papers, "id\ttweet_text\n")]
    [InlineData("tweets.tsv:1: has no column 'tweet_text'", Papers, "post_id\tx\n")]
    [InlineData("tweets.tsv:3: has 1 field(s), the header has 2", Papers, "post_id\ttweet_text\n1\tx\n2\n")]
    [InlineData("tweets.tsv:3: the post_id '1' is empty or was there before", Papers, "post_id\ttweet_text\n1\tx\n1\ty\n")]
    [InlineData("tweets.tsv:2: the post_id '' is empty", Papers, "post_id\ttweet_text\n\tx\n")]
    public void Data_RefusesWhatCannotBeUsed_AndLeavesNothing(string message, string papers, string tweets)
    {
        CommandLine.Run(Form(papers, tweets)).AssertRefused(1, message);
        AssertOnly("papers.jsonl", "tweets.tsv");
    }

    [Fact]
    public void Data_ReplacesOnlyItsOwnFolders()
    {
        CommandLine.Run(Form()).AssertDone();
        CommandLine.Run(Form()).AssertRefused(1, "out: exists. Use --overwrite");
        CommandLine.Run([.. Form("{\"cord_uid\":\"p1\"}\n"), "--overwrite"]).AssertDone();
        Assert.Equal("{\"_id\":\"p1\",\"title\":\"\",\"text\":\"\"}\n", File.ReadAllText(At("out/corpus.jsonl")));
        Write("out/mine.txt", "");
        CommandLine.Run([.. Form(), "--overwrite"]).AssertRefused(1, "holds more than corpus, queries and qrels");
        CommandLine.Run(Form(output: "papers.jsonl")).AssertRefused(1, "papers.jsonl: is a file");
        CommandLine.Run(Form(output: "none/out")).AssertRefused(1, "there is no folder");
    }

    [Fact]
    public void Data_RefusesAPickleThatWouldRunSomething()
    {
        File.WriteAllBytes(At("x.pkl"), [.. "cos\nsystem\n(S'true'\ntR."u8]);
        CommandLine.Run("data", "checkthat", "--collection", At("x.pkl"), "--tweets", Write("t.tsv", Tweets), "--output", At("out"))
            .AssertRefused(1, "x.pkl: byte 0 (GLOBAL): the name 'os.system' is not what a DataFrame is made of, and nothing of it is run.");
        CommandLine.Run("data", "checkthat", "--collection", At("x.bin"), "--tweets", At("t.tsv"), "--output", At("out"))
            .AssertRefused(1, "x.bin: no such file");
        Write("x.bin", "");
        CommandLine.Run("data", "checkthat", "--collection", At("x.bin"), "--tweets", At("t.tsv"), "--output", At("out"))
            .AssertRefused(1, "the format '.bin' is not known");
    }

    [Fact]
    public void SharedData_GoesThroughTheReadersOfRuns()
    {
        string papers = SharedFolder.Require("data", "checkthat", "docs_recovered.jsonl");
        string tweets = SharedFolder.Require("data", "checkthat", "subtask4b_query_tweets_dev.tsv");
        CommandLine.Run("data", "checkthat", "--collection", papers, "--tweets", tweets, "--output", At("out")).AssertDone();
        using TextCollection corpus = TextCollection.Open(At("out/corpus.jsonl")), queries = TextCollection.Open(At("out/queries.tsv"));
        HashSet<string> ids = [.. Texts(corpus).Select(document => document.Id)];
        Assert.Equal(File.ReadLines(papers).Count(), ids.Count);
        Qrels qrels = Qrels.Read(At("out/qrels.tsv"));
        Assert.Equal(qrels.Queries.Keys, Texts(queries).Select(query => query.Id));
        Assert.NotEmpty(qrels.Queries);
        Assert.All(qrels.Queries.Values, judged => Assert.Contains(Assert.Single(judged).Key, ids));
    }

    private static List<Document> Texts(TextCollection collection)
    {
        List<Document> texts = [];
        while (collection.Read(out Document text)) { texts.Add(text); }
        return texts;
    }

    [Fact]
    public void SharedPickles_GiveAllTheirPapers()
    {
        string folder = SharedFolder.Require("golden", "formats", "pickle", "valid");
        string[] pickles = [.. Directory.EnumerateFiles(folder, "collection*.pkl*")];
        Assert.NotEmpty(pickles);
        Write("tweets.tsv", "post_id\ttweet_text\n1\tx\n");
        foreach (string pickle in pickles)
        {
            CommandLine.Run("data", "checkthat", "--collection", pickle, "--tweets", At("tweets.tsv"), "--output", At("out"), "--overwrite").AssertDone();
            string expected = Path.GetFileName(pickle).Split('.')[0] == "collection_all" ? "collection_all.expected.jsonl" : "collection.expected.jsonl";
            Assert.Equal(File.ReadLines(Path.Combine(folder, expected)).Count(), File.ReadLines(At("out/corpus.jsonl")).Count());
        }
    }

    [Fact]
    public void Submit_WritesTheBestPapersOfEachTweetAsPythonDoes()
    {
        string run = Write("a.run", "7 Q0 b'c 3 1 x\n7 Q0 a 1 3 x\n7 Q0 d 2 2 x\n8 Q0 z 1 1 x\n9 Q0 q\"q 1 2 x\n");
        CommandResult result = CommandLine.Run("submit", "checkthat", "--run", run, "--top-k", "2", "--output", At("p.tsv")).AssertDone();
        Assert.Equal("post_id\tpreds\n7\t['a', 'd']\n8\t['z']\n9\t\"['q\"\"q']\"\n", File.ReadAllText(At("p.tsv")));
        Assert.Equal("minilm: 3 tweets\n", result.Error);
        string output = CommandLine.Run("submit", "checkthat", "--run", run).AssertDone().Output;
        Assert.Equal("7\t\"['a', 'd', \"\"b'c\"\"]\"", output.Split('\n')[1]);
        CommandLine.Run("submit", "checkthat", "--run", run, "--output", At("p.tsv")).AssertRefused(1, "p.tsv: exists");
        string tied = Write("tied.run", "7 Q0 z 2 1 x\n7 Q0 a 1 1 x\n7 Q0 m 3 1 x\n"), ranks = Write("ranks.run", "7 b 2\n7 a 1\n");
        Assert.Equal("7\t['a', 'z', 'm']", CommandLine.Run("submit", "checkthat", "--run", tied).AssertDone().Output.Split('\n')[1]);
        Assert.Equal("7\t['a', 'b']", CommandLine.Run("submit", "checkthat", "--run", ranks).AssertDone().Output.Split('\n')[1]);
    }

    [Fact]
    public void Commands_NameTheirKinds()
    {
        CommandLine.Run("data").AssertRefused(2, "say what to do: checkthat, leakage, deduplicate");
        CommandLine.Run("submit").AssertRefused(2, "say which task: checkthat");
        CommandLine.Run("submit", "checkthat").AssertRefused(2, "'--run' is required");
    }
}
