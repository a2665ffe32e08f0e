using System.Text.Json;
using System.Text.RegularExpressions;
using MiniLM.Cli.Train;

namespace MiniLM.Cli.Tests;

public sealed class TrainingReportPageTests
{
    private const string Opening = "<script type=\"application/json\" id=\"report\">", Closing = "</script>";
    private const string Hostile = "</script><b>\"<!--<script>{{chart.js}}{{data}} \u2028é";

    private static string Page(string text = "run", int? best = 20) => TrainingReportPage.Make(text, [new(text, text, false), new("seed", "42", true)],
        [new(10, .5, [new("loss", .7), new(text, double.PositiveInfinity)]), new(20, 1, [new("eval_loss", .6), new("eval_dev_map", double.NaN)])], best);

    private static JsonElement Report(string page)
    {
        int start = page.IndexOf(Opening, StringComparison.Ordinal) + Opening.Length;
        return JsonDocument.Parse(page[start..page.IndexOf(Closing, start, StringComparison.Ordinal)]).RootElement;
    }

    [Fact]
    public void ThePage_HoldsTheRunAndItsArguments()
    {
        JsonElement report = Report(Page());
        Assert.Equal(("run", 20), (report.GetProperty("title").GetString(), report.GetProperty("best_step").GetInt32()));
        Assert.Equal("""[{"name":"run","value":"run","default":false},{"name":"seed","value":"42","default":true}]""",
            report.GetProperty("arguments").GetRawText());
        Assert.Equal("""[{"step":10,"epoch":0.5,"values":{"loss":0.7,"run":null}},{"step":20,"epoch":1,"values":{"eval_loss":0.6,"eval_dev_map":null}}]""",
            report.GetProperty("log").GetRawText());
        Assert.False(Report(Page(best: null)).TryGetProperty("best_step", out _));
    }

    [Fact]
    public void ThePage_LoadsNothing()
    {
        string page = Page();
        Assert.StartsWith("<!DOCTYPE html>", page);
        Assert.Contains("default-src 'none'", page, StringComparison.Ordinal);
        Assert.Contains("Chart.js v4.6.1", page, StringComparison.Ordinal);
        Assert.DoesNotContain("{{", page, StringComparison.Ordinal);
        Assert.DoesNotMatch("https?://", Regex.Replace(page, @"/\*!.*?\*/", "", RegexOptions.Singleline));
    }

    [Fact]
    public void AText_CannotLeaveTheScriptItIsIn()
    {
        string plain = Page(), hostile = Page(Hostile);
        foreach (string tag in (string[])["<script", "</script", "<!--", "<b>"]) { Assert.Equal(Regex.Count(plain, tag), Regex.Count(hostile, tag)); }
        Assert.Equal(Hostile, Report(hostile).GetProperty("title").GetString());
    }
}
