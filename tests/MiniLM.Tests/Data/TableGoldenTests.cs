using System.Text.Json;
using MiniLM.Data;

namespace MiniLM.Tests.Data;

public class TableGoldenTests
{
    [Fact]
    public void Read_GivesTheRowsOfEveryGoldenTable()
    {
        int accepted = 0;
        List<string> wrong = [];
        foreach (JsonProperty golden in TextGolden.Json("table.json").GetProperty("cases").EnumerateObject())
        {
            JsonElement expected = golden.Value;
            List<string[]>? rows = null;
            try
            {
                rows = TextGolden.Rows(TextGolden.Path("table", golden.Name), expected.GetProperty("delimiter").GetString()![0],
                    expected.GetProperty("quotes").GetBoolean());
            }
            catch (DataFormatException error) { Assert.Matches(@":\d+: ", error.Message); }
            if (expected.GetProperty("verdict").GetString() == "either")
            {
                // Refused, or read as Python reads it.
                if (rows is not null && TextGolden.Digest(rows) != expected.GetProperty("digest").GetString()) { wrong.Add(golden.Name); }
                continue;
            }
            accepted++;
            if (rows?.Count != expected.GetProperty("row_count").GetInt32() || TextGolden.Digest(rows) != expected.GetProperty("digest").GetString())
            {
                wrong.Add(golden.Name);
            }
            else if (expected.TryGetProperty("rows", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
            {
                Assert.Equal(list.EnumerateArray().Select(row => row.EnumerateArray().Select(field => field.GetString()!).ToArray()), rows);
            }
        }
        Assert.Empty(wrong);
        Assert.True(accepted >= 20, $"only {accepted} tables");
    }

    [Fact]
    public void Read_GivesTheDigestOfEveryDataFile()
    {
        JsonElement files = TextGolden.Json("table.json").GetProperty("data_files");
        Assert.NotEqual(0, files.GetArrayLength());
        foreach (JsonElement file in files.EnumerateArray())
        {
            string name = file.GetProperty("file").GetString()!;
            List<string[]> rows = TextGolden.Rows(SharedFolder.Require(["data", .. name.Split('/')]), file.GetProperty("delimiter").GetString()![0],
                file.GetProperty("quotes").GetBoolean());
            if (file.GetProperty("header") is { ValueKind: JsonValueKind.Array } header)
            {
                Assert.Equal(header.EnumerateArray().Select(field => field.GetString()), rows[0]);
                rows.RemoveAt(0);
            }
            Assert.True(file.GetProperty("rows").GetInt32() == rows.Count, $"{name}: {rows.Count} rows");
            Assert.True(file.GetProperty("digest").GetString() == TextGolden.Digest(rows), $"{name}: another digest");
        }
    }
}
