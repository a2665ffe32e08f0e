using System.Text.Json;
using System.Text.RegularExpressions;

namespace MiniLM.Cli.Tests;

public sealed class ExplainRunCommandTests : CommandTests
{
    private string[] Form(params string[] options)
    {
        Write("qrels", "found 0 a 1\nlost 0 b 2\ngone 0 g 1\n");
        Write("a.run", "found Q0 a 1 3 x\nlost Q0 b 1 3 x\nlost Q0 a 2 2.5 x\n");
        Write("b.run", "found Q0 a 1 3 x\nlost Q0 a 1 3 x\nlost Q0 b 2 2.5 x\n");
        Write("corpus.jsonl", "{\"_id\":\"a\",\"title\":\"T\",\"text\":\"one\"}\n{\"_id\":\"b\",\"text\":\"two </script><!-- \\\" \\u2028x\"}\n");
        Write("q.tsv", "lost\tof the one\nfound\tx\n");
        return ["explain-run", "--qrels", At("qrels"), "--first", At("a.run"), "--corpus", At("corpus.jsonl"), "--depth", "1", .. options];
    }

    private string[] Two(params string[] options) => Form(["--run", At("b.run"), "--queries", At("q.tsv"), "--model", BiEncoder, .. options]);

    [Fact]
    public void Json_HasCountsAndCases()
    {
        JsonElement json = JsonDocument.Parse(CommandLine.Run(Two("--json")).AssertDone().Output).RootElement;
        Assert.Equal((3, 1, 2), (json.GetProperty("queries").GetInt32(), json.GetProperty("depth").GetInt32(), json.GetProperty("lost").GetInt32()));
        Assert.Equal("""{"not_in_corpus":1,"tied":0,"truncated":0,"demoted":1,"below_first_stage":0}""", json.GetProperty("causes").GetRawText());
        Assert.Equal(
            """{"query":"lost","cause":"demoted","query_text":"of the one","answer":"b","answer_text":"two </script><!-- \" \u2028x","first_rank":1,"rank":2"""
            + ""","score":2.5,"score_at_depth":3,"top":"a","top_score":3,"top_text":"T one","query_tokens":3"""
            + ""","answer_tokens":9,"limit":64,"tokens_beyond":0}""",
            Regex.Replace(json.GetProperty("cases")[0].GetRawText(), "\"answer_tokens\":[0-9]+", "\"answer_tokens\":9"));
        Assert.Equal("""{"query":"gone","cause":"not_in_corpus","query_text":null,"answer":"g","answer_text":null,"first_rank":null,"rank":null,"score":null"""
            + ""","score_at_depth":null,"top":null,"top_score":null,"top_text":null"""
            + ""","query_tokens":null,"answer_tokens":null,"limit":null,"tokens_beyond":null}""",
            json.GetProperty("cases")[1].GetRawText());
    }

    [Fact]
    public void Text_IsForPeople()
    {
        Assert.Equal("""
            2 of 3 queries have no relevant document within rank 1
            cause                        queries
            not in the corpus                  1
            tied at the cutoff                 0
            cut by the model's limit           0
            demoted by the reranker            1
            below the first stage's top        0

            lost: demoted by the reranker (rank 1 in the first stage, 2 at the end)
              query   of the one
              answer  b (2.5)  two </script><!-- " x
              first   a (3)  T one

            gone: not in the corpus (rank - in the first stage, - at the end)
              answer  g

            """, CommandLine.Run(Two()).AssertDone().Output);
    }

    [Fact]
    public void Text_SaysWhatIsBeyondTheLimit_AndShowsTheBeginningOfLongTexts()
    {
        string[] form = Two();
        string words = string.Join(' ', Enumerable.Repeat("one", 70));
        Write("corpus.jsonl", $"{{\"_id\":\"b\",\"text\":\"{words}\"}}\n{{\"_id\":\"g\",\"text\":\"one\"}}\n");
        string[] lines = CommandLine.Run(form).AssertDone().Lines;
        Assert.Contains("lost: cut by the model's limit (rank 1 in the first stage, 2 at the end; 3 + 70 tokens, 8 beyond 64)", lines);
        Assert.Contains($"  answer  b (2.5)  {words[..160]}...", lines);
        Assert.Contains("gone: below the first stage's top (rank - in the first stage, - at the end)", lines);
        Assert.Contains("  first   a (3)", lines); // not in this corpus
        form = Form("--run", At("b.run"), "--model", BiEncoder); // whose texts of queries are not given
        Write("corpus.jsonl", $"{{\"_id\":\"b\",\"text\":\"{words}\"}}\n{{\"_id\":\"g\",\"text\":\"one\"}}\n");
        Assert.Contains("lost: cut by the model's limit (rank 1 in the first stage, 2 at the end; ? + 70 tokens, 8 beyond 64)",
            CommandLine.Run(form).AssertDone().Lines);
        Assert.Contains("\"query_tokens\":null,\"answer_tokens\":70,\"limit\":64,\"tokens_beyond\":8",
            CommandLine.Run([.. form, "--json"]).AssertDone().Output);
    }

    [Fact]
    public void Html_IsOneFileThatLoadsNothing()
    {
        CommandResult result = CommandLine.Run(Two("--html", At("lost.html"), "--json")).AssertDone();
        Assert.Equal($"minilm: {At("lost.html")}: written\n", result.Error);
        string page = File.ReadAllText(At("lost.html"));
        Assert.DoesNotMatch(@"(src|href)\s*=|@import|url\(|\{\{", page);
        Assert.Contains("default-src 'none'", page);
        Assert.Contains("prefers-color-scheme: dark", page);
        string data = Regex.Match(page, "<script type=\"application/json\" id=\"report\">(.*?)</script>", RegexOptions.Singleline).Groups[1].Value;
        Assert.True(JsonElement.DeepEquals(JsonDocument.Parse(result.Output).RootElement, JsonDocument.Parse(data).RootElement));
        CommandLine.Run(Two("--html", At("lost.html"))).AssertRefused(1, "lost.html: exists. Use --overwrite");
        CommandLine.Run(Two("--html", At("lost.html"), "--overwrite")).AssertDone();
    }

    [Fact]
    public void WrongUsage_IsRefused()
    {
        CommandLine.Run(Form("--overwrite")).AssertRefused(2, "--overwrite goes with --html");
        CommandLine.Run(Form("--html", At("qrels"), "--overwrite")).AssertRefused(2, "is one of the files that are read");
        CommandLine.Run("explain-run", "--qrels", "-", "--first", "-", "--corpus", "c").AssertRefused(2, "standard input (-) can be one of the files only");
        CommandLine.Run([.. Form()[..^2], "--depth", "0"]).AssertRefused(2, "--depth 0: give a whole number from 1");
        Assert.StartsWith("0 of 1 queries", CommandLine.Run(Form("-l", "2")).AssertDone().Output); // only b has grade 2, and the first stage has it on top
        CommandLine.Run(Form("--model", At("none"))).AssertRefused(1, "none: no such model folder");
    }
}
