using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using MiniLM.Tests;

namespace MiniLM.Cli.Tests;

public sealed class EvaluateRunCommandTests : CommandTests
{
    private const string Qrels = "q1 0 a 1\nq1 0 b 0\nq2 0 a 2\nq2 0 c 1\nq3 0 a 1\n";
    private const string First = "q1 Q0 b 1 2 one\nq1 Q0 a 2 1 one\nq2 Q0 a 1 3 one\nq2 Q0 x 2 3 one\n";
    private const string Second = "q1 Q0 a 1 2 two\nq2 Q0 c 1 3 two\nq2 Q0 a 2 2 two\nq9 Q0 a 1 1 two\n";

    private string[] Form(params string[] options) =>
        ["evaluate", "run", "--qrels", Write("qrels", Qrels), "--run", Write("a.run", First), .. options];

    private string[] Two(params string[] options) => Form(["--run", Write("b.run", Second), .. options]);

    private JsonElement Json(params string[] arguments) => JsonDocument.Parse(CommandLine.Run([.. arguments, "--json"]).AssertDone().Output).RootElement;

    private static string[] Names(JsonElement json) => [.. json.EnumerateObject().Select(member => member.Name)];

    [Fact]
    public void Json_HoldsTheMeansUnderTheNamesAsTheyWereSpelled()
    {
        JsonElement json = Json(Form("--measures", "RR@10,recip_rank,P(rel=2)@1,num_ret"));
        Assert.Equal(["queries", "ties", "mean"], Names(json));
        Assert.Equal(2, json.GetProperty("queries").GetInt32());
        Assert.Equal(2, json.GetProperty("ties").GetInt32());
        Assert.Equal(["RR@10", "recip_rank", "P(rel=2)@1", "num_ret"], Names(json.GetProperty("mean")));
        Assert.Equal([0.5, 0.5, 0, 4], json.GetProperty("mean").EnumerateObject().Select(measure => measure.Value.GetDouble()));
    }

    [Fact]
    public void Json_HasTheUsualMeasuresWhenNoneIsNamed() => Assert.Equal(["nDCG@10", "AP", "RR@10", "R@100"], Names(Json(Form()).GetProperty("mean")));

    [Fact]
    public void PerQuery_AddsTheQueries()
    {
        JsonElement queries = Json(Form("--measures", "RR,relstring,runid", "--per-query")).GetProperty("per_query");
        Assert.Equal("""{"q1":{"RR":0.5,"relstring":"01"},"q2":{"RR":0.5,"relstring":"-2"}}""", queries.GetRawText());
    }

    [Fact]
    public void TwoRuns_AreCompared()
    {
        JsonElement json = Json(Two("--measures", "RR,NumRet"));
        Assert.Equal(["queries", "ties", "mean", "comparison", "comparisons", "runs"], Names(json));
        JsonElement comparison = json.GetProperty("comparison");
        Assert.Equal(["RR"], Names(comparison)); // NumRet is a sum
        Assert.Equal(["difference", "t", "p", "wins", "losses", "ties", "p_holm", "p_randomization", "interval95"], Names(comparison.GetProperty("RR")));
        Assert.Equal(0.5, comparison.GetProperty("RR").GetProperty("difference").GetDouble());
        Assert.Equal(JsonValueKind.Null, comparison.GetProperty("RR").GetProperty("t").ValueKind); // both differ by 0.5
        Assert.Equal((2, 0), (comparison.GetProperty("RR").GetProperty("wins").GetInt32(), comparison.GetProperty("RR").GetProperty("losses").GetInt32()));
        Assert.Equal([At("a.run"), At("b.run")], json.GetProperty("runs").EnumerateArray().Select(run => run.GetProperty("run").GetString()!));
        Assert.Equal([0.5, 1.0], json.GetProperty("runs").EnumerateArray().Select(run => run.GetProperty("mean").GetProperty("RR").GetDouble()));
        Assert.Equal(0.5, json.GetProperty("mean").GetProperty("RR").GetDouble());
    }

    [Theory]
    [InlineData()]
    [InlineData("-q")] // which shows more of the runs and changes nothing of what is compared
    public void ThreeRuns_AreComparedWithTheFirst(params string[] options)
    {
        JsonElement json = Json(Two(["--run", Write("c.run", "q2 Q0 c 1 3 x\n"), "--measures", "RR", .. options]));
        JsonElement[] pairs = [.. json.GetProperty("comparisons").EnumerateArray()];
        Assert.Equal(["a-b", "a-c"], pairs.Select(pair => $"{Name(pair, "baseline")}-{Name(pair, "run")}"));
        Assert.All(pairs, pair => Assert.Equal(["baseline", "run", "queries", "measures"], Names(pair)));
        Assert.Equal([2, 1], pairs.Select(pair => pair.GetProperty("queries").GetInt32()));
        Assert.Equal(json.GetProperty("comparison").GetRawText(), pairs[0].GetProperty("measures").GetRawText());
        JsonElement one = pairs[1].GetProperty("measures").GetProperty("RR");
        Assert.Equal("[null,null]", one.GetProperty("interval95").GetRawText());
        Assert.Equal((0.5, 1.0), (one.GetProperty("difference").GetDouble(), one.GetProperty("p_randomization").GetDouble()));
        Assert.Equal(JsonValueKind.Null, one.GetProperty("p").ValueKind);

        static string? Name(JsonElement pair, string member) => Path.GetFileNameWithoutExtension(pair.GetProperty(member).GetString());
    }

    [Fact]
    public void TrecEvalFormat_PrintsItsLinesInItsOrder()
    {
        string[] form = Form("--format", "trec_eval", "--measures", "recip_rank,num_rel,runid,relstring,gm_map,num_q", "-q", "-c");
        CommandResult result = CommandLine.Run(form).AssertDone();
        Assert.Equal("""
            num_rel               ,q1,1
            recip_rank            ,q1,0.5000
            relstring             ,q1,'01'
            num_rel               ,q2,2
            recip_rank            ,q2,0.5000
            relstring             ,q2,'-2'
            num_rel               ,q3,1
            recip_rank            ,q3,0.0000
            relstring             ,q3,''
            runid                 ,all,one
            num_q                 ,all,3
            num_rel               ,all,4
            gm_map                ,all,0.0108
            recip_rank            ,all,0.3333

            """.Replace(',', '\t'), result.Output);
        Assert.Contains("has no lines for 1 of 3 judged queries, which count with nothing retrieved", result.Error);
    }

    [Fact]
    public void TrecEvalFormat_HasTheMeasuresOfTrecEvalWhenNoneIsNamed()
    {
        CommandResult result = CommandLine.Run(Form("--format", "trec_eval")).AssertDone();
        Assert.Equal("runid                 \tall\tone", result.Lines[0]);
        Assert.StartsWith("P_1000 ", result.Lines[^1]);
        Assert.Equal(30, result.Lines.Length);
    }

    [Fact]
    public void Table_IsForPeople()
    {
        CommandResult result = CommandLine.Run(Two("--measures", "RR,NumRet,runid")).AssertDone();
        Assert.Equal(["2 queries", "measure   a.run   b.run", "RR       0.5000  1.0000", "NumRet        4       3", "runid       one     two"],
            result.Lines[..5]);
        Assert.Equal("b.run less a.run, 2 common queries", result.Lines[5]);
        Assert.StartsWith("RR          +0.5000  0.5000 to 0.5000  -  <0.0001", result.Lines[7]);
        Assert.Equal(
        [
            $"minilm: {At("a.run")}: has no lines for 1 of 3 judged queries, which are left out (-c counts them)",
            $"minilm: {At("a.run")}: equal scores: 2 (the greater id first)",
            $"minilm: {At("b.run")}: has no lines for 1 of 3 judged queries, which are left out (-c counts them)",
        ], result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void PerQuery_OfATable_IsATableMore() =>
        Assert.Equal(["a.run by query", "query      RR  relstring", "q1     0.5000         01", "q2     0.5000         -2"],
            CommandLine.Run(Form("--measures", "RR,relstring,num_q", "-q")).AssertDone().Lines[^4..]);

    [Fact]
    public void LevelAndJudgedOnly_AreTaken()
    {
        Assert.Equal([0, 0.5], Json(Form("--measures", "RR", "-l", "2", "-q")).GetProperty("per_query").EnumerateObject()
            .Select(query => query.Value.GetProperty("RR").GetDouble()));
        Assert.Equal(0.75, Json(Form("--measures", "RR", "--judged-only")).GetProperty("mean").GetProperty("RR").GetDouble());
    }

    [Fact]
    public void Inputs_MayBeCompressed_Beirs_MsMarcos_AndStandardInput()
    {
        using (GZipStream file = new(File.Create(At("r.gz")), CompressionLevel.Fastest)) { file.Write("q1\tb\t1\nq1\ta\t2\n"u8); }
        CommandResult result = CommandLine.RunWith(CancellationToken.None, "query-id\tcorpus-id\tscore\nq1\ta\t1\n",
            "evaluate", "run", "--qrels", "-", "--run", At("r.gz"), "--measures", "RR", "--json").AssertDone();
        Assert.Equal("""{"queries":1,"ties":0,"mean":{"RR":0.5}}""" + "\n", result.Output);
    }

    [Fact]
    public void Markdown_HoldsTheTables()
    {
        CommandLine.Run(Two("--measures", "RR", "--markdown", At("r.md"))).AssertDone();
        Assert.StartsWith("## 2 queries\n\n| measure | a.run | b.run |\n| --- | ---: | ---: |\n| RR | 0.5000 | 1.0000 |\n\n"
            + "## b.run less a.run, 2 common queries\n\n| measure |", File.ReadAllText(At("r.md")));
    }

    [Fact]
    public void Page_HoldsTheReportAndLoadsNothing()
    {
        CommandResult result = CommandLine.Run(Two("--html", At("r.html"))).AssertDone();
        Assert.EndsWith($"minilm: {At("r.html")}: written\n", result.Error);
        string page = File.ReadAllText(At("r.html")), opening = "<script type=\"application/json\" id=\"report\">";
        int start = page.IndexOf(opening, StringComparison.Ordinal) + opening.Length;
        JsonElement report = JsonDocument.Parse(page[start..page.IndexOf("</script>", start, StringComparison.Ordinal)]).RootElement;
        JsonElement run = report.GetProperty("runs")[0];
        Assert.Equal(["name", "path", "queries", "ties", "mean", "per_query", "precision_at_recall", "scores"], Names(run));
        Assert.Equal(11, run.GetProperty("precision_at_recall").GetArrayLength());
        Assert.Equal((2, 2), (Sum(run, "relevant"), Sum(run, "others")));
        Assert.Equal(1, report.GetProperty("comparisons").GetArrayLength());
        Assert.DoesNotContain("{{", page);
        Assert.DoesNotContain("sourceMappingURL", page);
        Assert.Contains("default-src 'none'", page);
        Assert.DoesNotMatch("https?://", Regex.Replace(page, @"/\*!.*?\*/", "", RegexOptions.Singleline));

        static int Sum(JsonElement run, string kind) => run.GetProperty("scores").GetProperty(kind).EnumerateArray().Sum(count => count.GetInt32());
    }

    [Fact]
    public void Page_KeepsTextsOfTheFilesInTheirPlace()
    {
        string qrels = Write("hostile.qrels", "</script><b>{{page.js}} 0 a 1\n"), run = Write("hostile.run", "</script><b>{{page.js}} Q0 a 1 1 x\n");
        CommandLine.Run("evaluate", "run", "--qrels", qrels, "--run", run, "--html", At("r.html")).AssertDone();
        Assert.DoesNotContain("</script><b>", File.ReadAllText(At("r.html")));
        Assert.Contains("\\u003c/script>\\u003cb>{{page.js}}", File.ReadAllText(At("r.html")));
    }

    [Fact]
    public void Outputs_AreReplacedOnlyWhenAskedFor()
    {
        string page = Write("r.html", "mine");
        CommandLine.Run(Form("--html", page)).AssertRefused(1, "r.html: exists. Use --overwrite");
        Assert.Equal("mine", File.ReadAllText(page));
        CommandLine.Run(Form("--html", page, "--overwrite")).AssertDone();
        Assert.StartsWith("<!DOCTYPE html>", File.ReadAllText(page));
        CommandLine.Run(Form("--html", At("a.run"), "--overwrite")).AssertRefused(2, "a.run: is the input and the output");
        CommandLine.Run(Form("--html", At("x"), "--markdown", At("x"))).AssertRefused(2, "x: is named twice");
        Assert.Equal(First, File.ReadAllText(At("a.run")));
    }

    [Theory]
    [InlineData("--measures: unknown measure 'ndgc@10'. Did you mean", "--measures", "ndgc@10")]
    [InlineData("--json and --format", "--json", "--format", "trec_eval")]
    [InlineData("--format trec: it is one of trec_eval", "--format", "trec")]
    [InlineData("--level 0: give a whole number from 1", "-l", "0")]
    [InlineData("standard input (-) can be one of the files only", "--run", "-", "--run", "-")]
    [InlineData("--overwrite goes with --markdown or --html", "--overwrite")]
    public void Run_RefusesWrongUsage(string message, params string[] options)
    {
        CommandResult result = CommandLine.Run(Form(options));
        result.AssertRefused(2, message);
        Assert.Equal("Help: minilm evaluate run --help", result.Error.Split('\n')[1]);
    }

    [Fact]
    public void Evaluate_NamesItsKinds()
    {
        CommandLine.Run("evaluate").AssertRefused(2, "say what to evaluate: run");
        CommandLine.Run("evaluate", "rnu").AssertRefused(2, "unknown command 'rnu'. Did you mean run?");
        CommandLine.Run("evaluate", "run", "--run", "x").AssertRefused(2, "'--qrels' is required");
        string help = CommandLine.Run("evaluate", "run", "--help").AssertDone().Output;
        Assert.StartsWith("Examples:\n  minilm evaluate run --qrels", help);
        Assert.Contains("-q, --per-query", help);
        Assert.Contains("  --quiet ", help); // whose -q the command has taken
        Assert.Contains("  run ", CommandLine.Run("evaluate", "--help").AssertDone().Output);
    }

    [Fact]
    public void Run_RefusesFilesThatDoNotBelongTogether()
    {
        CommandLine.Run("evaluate", "run", "--qrels", Write("qrels", Qrels), "--run", Write("x.run", "q7 Q0 a 1 1 x\n"))
            .AssertRefused(1, "x.run: none of its queries ('q7', ...) is judged in");
        CommandLine.Run("evaluate", "run", "--qrels", At("none"), "--run", At("x.run")).AssertRefused(1, "none: no such file");
        CommandLine.Run("evaluate", "run", "--qrels", At("qrels"), "--run", Write("y.run", "q1 Q0 a 1 1 x\nq1 Q0\n"))
            .AssertRefused(1, "y.run:2: has 2 field(s)");
        CommandLine.Run("evaluate", "run", "--qrels", Write("bad", "q1 0 a x\n"), "--run", At("x.run")).AssertRefused(1, "bad:1: the grade 'x'");
    }

    [Fact]
    public void SharedRun_HasThePublishedValue()
    {
        JsonElement json = Json("evaluate", "run", "--qrels", SharedFolder.Require("data", "trec-dl19", "qrels.dl19-passage.txt"),
            "--run", SharedFolder.Require("data", "trec-dl19", "run.BM25.dl19.top100.txt"));
        Assert.Equal(0.5058, Math.Round(json.GetProperty("mean").GetProperty("nDCG@10").GetDouble(), 4));
    }

    /// <summary>trec_eval's own test outputs, byte for byte but for interpolated precision, which is version 9's.</summary>
    [Theory]
    [InlineData("out.test", "qrels.test", "results.test")]
    [InlineData("out.test.a", "qrels.test", "results.test", "--measures", "all_trec")]
    [InlineData("out.test.aq", "qrels.test", "results.test", "--measures", "all_trec", "-q")]
    [InlineData("out.test.aqc", "qrels.test", "results.trunc", "--measures", "all_trec", "-q", "-c")]
    [InlineData("out.test.aql", "qrels.rel_level", "results.test", "--measures", "all_trec,relstring.20", "-q", "-l", "2")]
    public void SharedOutputsOfTrecEval_AreThoseOfTheCommand(string output, string qrels, string run, params string[] options)
    {
        string[] expected = Lines(File.ReadAllText(SharedFolder.Require("data", "trec_eval", output), Encoding.UTF8));
        Assert.NotEmpty(expected);
        Assert.Equal(expected, Lines(CommandLine.Run(["evaluate", "run", "--qrels", SharedFolder.Require("data", "trec_eval", qrels),
            "--run", SharedFolder.Require("data", "trec_eval", run), "--format", "trec_eval", .. options]).AssertDone().Output));

        static string[] Lines(string text) => [.. text.Split('\n').Where(line => !Regex.IsMatch(line, "^(iprec|11pt)"))];
    }
}
