using System.Text.Json;
using System.Text.RegularExpressions;
using MiniLM.Cli.Profile;

namespace MiniLM.Cli.Tests;

public sealed class ProfilePageTests
{
    private const string Opening = "<script type=\"application/json\" id=\"profiles\">", Closing = "</script>";

    private const string Cpu = """
        {"schema":1,"model":"m","device":"cpu","precision":"float32","batch":4,"seq":32,"clock":"measured","total_us":30,"items_per_s":133333,
        "limits":{"fp32_tflop_per_s":0.236,"l2_gb_per_s":210},"predictions":[],
        "kernels":[{"kernel":"Gemm","launches":6,"flop":1000000,"bytes":20000,"intensity":50,
            "measured_us":30,"time_percent":100,"roof_percent":14,"bound":"fp32","tflop_per_s":0.033}]}
        """;

    /// <summary>A model whose name would end the script, open a comment in it, and be taken for a marker.</summary>
    private const string HostileModel = "</script><b>\"<!--<script>{{chart.js}}{{data}} \u2028é";

    private static string Hostile => Cpu.Replace("\"model\":\"m\"", "\"model\":" + JsonSerializer.Serialize(HostileModel,
        new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }), StringComparison.Ordinal);

    private static JsonElement Profiles(string page)
    {
        int start = page.IndexOf(Opening, StringComparison.Ordinal) + Opening.Length;
        return JsonDocument.Parse(page[start..page.IndexOf(Closing, start, StringComparison.Ordinal)]).RootElement;
    }

    [Fact]
    public void ThePage_HoldsThePlotTheScriptsAndTheirLicenses()
    {
        string page = ProfilePage.Make([Cpu]);
        Assert.StartsWith("<!DOCTYPE html>", page);
        Assert.Contains("<canvas id=\"roofline\"", page);
        Assert.Contains("Chart.js v4.6.1", page);
        Assert.Contains("chartjs-plugin-zoom v2.2.0", page);
        Assert.DoesNotContain("{{", page);
    }

    [Fact]
    public void ThePage_LoadsNothing()
    {
        string page = ProfilePage.Make([Cpu, Cpu]);
        Assert.Contains("default-src 'none'", page);
        Assert.DoesNotContain("sourceMappingURL", page);
        // Addresses stand in the licences only.
        string withoutComments = Regex.Replace(page, @"/\*!.*?\*/", "", RegexOptions.Singleline);
        Assert.DoesNotMatch("https?://", withoutComments);
        Assert.DoesNotMatch(@"(?i)<(link|img|iframe|object|embed|base)\b|<script[^>]*\ssrc|\bsrc\s*=|\bhref\s*=|\burl\(|@import|\bimport\s*[(""']"
            + @"|\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon", withoutComments);
    }

    [Fact]
    public void TheProfiles_AreInThePageAsTheyWereGiven()
    {
        JsonElement[] profiles = [.. Profiles(ProfilePage.Make([Cpu, Hostile])).EnumerateArray()];
        Assert.Equal(2, profiles.Length);
        Assert.True(JsonElement.DeepEquals(JsonDocument.Parse(Cpu).RootElement, profiles[0]));
        Assert.Equal(HostileModel, profiles[1].GetProperty("model").GetString());
    }

    [Fact]
    public void AName_CannotLeaveTheScriptItIsIn()
    {
        string plain = ProfilePage.Make([Cpu]), hostile = ProfilePage.Make([Hostile]);
        foreach (string tag in (string[])["<script", "</script", "<!--", "<b>"])
        {
            Assert.Equal(Regex.Count(plain, tag), Regex.Count(hostile, tag));
        }
    }
}
