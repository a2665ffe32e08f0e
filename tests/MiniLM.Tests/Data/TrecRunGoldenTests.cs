using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Tests.Data;

public class TrecRunGoldenTests
{
    [Fact]
    public void Read_TakesRefusesAndRanksEveryGoldenRun()
    {
        int accepted = 0, refused = 0;
        foreach (JsonProperty golden in TextGolden.Json("trec", "trec.json").GetProperty("runs").EnumerateObject())
        {
            string path = TextGolden.Path("trec", "runs", golden.Name);
            string verdict = golden.Value.GetProperty("verdict").GetString()!;
            TrecRun? run = null;
            try { run = TrecRun.Read(path); }
            catch (DataFormatException error)
            {
                Assert.StartsWith(path, error.Message);
                Assert.True(verdict != "accept", $"{golden.Name}: {error.Message}");
                refused++;
            }
            // What trec_eval refuses because it has three fields a line is read as MS MARCO's form.
            bool isMsMarco = run is not null && File.ReadLines(path).First().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length == 3;
            Assert.True(verdict != "refuse" || run is null || isMsMarco, $"{golden.Name}: not refused");
            if (verdict != "accept") { continue; }
            accepted++;
            IEnumerable<(string, string, double)> expected = golden.Value.GetProperty("lines").EnumerateArray()
                .Select(line => (line.GetProperty("qid").GetString()!, line.GetProperty("docno").GetString()!, Number(line.GetProperty("score"))));
            IEnumerable<(string, string, double)> actual = run!.Queries
                .SelectMany((query, q) => run.Lines[q].Select(line => (query, run.Documents[line.Document], line.Score)));
            Assert.Equal(expected.Order(), actual.Order());
            foreach (JsonProperty ranked in golden.Value.GetProperty("ranked").EnumerateObject())
            {
                Assert.Equal(ranked.Value.EnumerateArray().Select(id => id.GetString()), run.Ranking(run.FindQuery(ranked.Name)));
            }
        }
        Assert.True(accepted >= 15 && refused >= 8, $"only {accepted} and {refused} runs");
    }

    private static double Number(JsonElement value) => value.ValueKind == JsonValueKind.Number ? value.GetDouble()
        : value.GetString() == "Infinity" ? double.PositiveInfinity : double.NegativeInfinity;
}
