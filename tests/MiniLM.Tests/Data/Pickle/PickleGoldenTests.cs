using System.Globalization;
using System.Numerics;
using System.Text.Json;
using MiniLM.Data;
using MiniLM.Data.Pickle;

namespace MiniLM.Tests.Data.Pickle;

public class PickleGoldenTests
{
    private static string Path(params string[] parts) => SharedFolder.Require(["golden", "formats", "pickle", .. parts]);

    private static JsonElement Files(string list) => JsonDocument.Parse(File.ReadAllBytes(Path(list))).RootElement.GetProperty("files");

    [Fact]
    public void Read_GivesTheRowsOfEveryGoldenPickle()
    {
        Dictionary<string, int> read = [];
        List<string> wrong = [];
        foreach (JsonProperty file in Files("valid.json").EnumerateObject())
        {
            string kind = file.Value.GetProperty("kind").GetString()!;
            try
            {
                string path = Path("valid", file.Name);
                if (kind == "array") { AssertArray(file.Value, path); }
                else if (kind == "plain") { AssertPlain(file.Value.GetProperty("value"), Plain(Open(path).Value)); }
                else { AssertFrame(file.Value, path, kind == "series"); }
                read[kind] = read.GetValueOrDefault(kind) + 1;
            }
            catch (DataFormatException error) when (file.Value.GetProperty("need").GetString() == "optional") { AssertOneLine(error, path: file.Name); }
            catch (Exception error) { wrong.Add($"{file.Name}: {error.Message}"); }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.True(read.Count >= 4 && read.Values.Sum() >= 50, $"only {string.Join(", ", read)}");
    }

    [Fact]
    public void Names_AreThoseOfTheList()
    {
        JsonElement list = JsonDocument.Parse(File.ReadAllBytes(Path("valid.json"))).RootElement;
        string[] names = [.. ((string[])["allow_list", "allow_list_arrow"])
            .SelectMany(part => list.GetProperty(part).EnumerateArray()).Select(name => name.GetString()!)];
        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.NotNull(PickleNames.Find(name)));
    }

    [Fact]
    public void Read_RefusesEveryHostilePickle()
    {
        int refused = 0;
        List<string> wrong = [];
        foreach (JsonProperty file in Files("hostile.json").EnumerateObject())
        {
            bool mustRefuse = file.Value.GetProperty("verdict").GetString() == "refuse";
            string path = Path("hostile", file.Name);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                if (file.Value.GetProperty("asked_for").GetString() == "array") { NumpyArray.Of(Open(path), Open(path).Value); }
                else { DataFrame.Read(path); }
                if (mustRefuse) { wrong.Add($"{file.Name}: read, though {file.Value.GetProperty("reason")}"); }
            }
            catch (DataFormatException error)
            {
                AssertOneLine(error, file.Name);
                refused++;
            }
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (allocated > 256 << 20) { wrong.Add($"{file.Name}: took {allocated} bytes"); }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.True(refused >= 50, $"only {refused} refused");
    }

    private static void AssertOneLine(DataFormatException error, string path)
    {
        Assert.Contains(path, error.Message);
        Assert.DoesNotContain('\n', error.Message);
        Assert.EndsWith(".", error.Message);
    }

    private static PickledFile Open(string path) => PickleReader.Read(PickleBlob.Read(path), path);

    private static void AssertArray(JsonElement expected, string path)
    {
        PickledFile file = Open(path);
        NumpyArray array = NumpyArray.Of(file, file.Value);
        Assert.Equal(expected.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()), array.Shape);
        Assert.Equal(expected.GetProperty("fortran").GetBoolean(), array.IsFortran);
        Assert.Equal(expected.GetProperty("flat").EnumerateArray().Select(Expected), array.Values);
    }

    private static void AssertFrame(JsonElement expected, string path, bool isSeries)
    {
        DataFrame frame = DataFrame.Read(path);
        if (isSeries) { Assert.Equal(Expected(expected.GetProperty("name")), Assert.Single(frame.Columns)); }
        else
        {
            Assert.Equal(expected.GetProperty("columns").EnumerateArray().Select(Expected), frame.Columns);
            Assert.Equal(Expected(expected.GetProperty("index_name")), frame.IndexName);
        }
        string[] lines = File.ReadAllLines(Path("valid", expected.GetProperty("expected").GetString()!));
        Assert.Equal(expected.GetProperty("rows").GetInt32(), lines.Length);
        Assert.Equal(lines.Length, frame.Index.Length);
        for (int row = 0; row < lines.Length; row++)
        {
            JsonElement line = JsonDocument.Parse(lines[row]).RootElement;
            Assert.Equal(Expected(line.GetProperty("index")), frame.Index[row]);
            Assert.Equal(line.GetProperty("values").EnumerateArray().Select(Expected), frame.Cells.Select(column => Seen(column[row])));
        }
    }

    private static void AssertPlain(JsonElement expected, string actual) =>
        Assert.True(JsonElement.DeepEquals(expected, JsonDocument.Parse(actual).RootElement), actual);

    // All kinds of missing values are alike.
    private static object? Seen(object? cell) => cell switch
    {
        double.NaN => null,
        object?[] cells => cells.Select(Seen).ToArray(),
        _ => cell,
    };

    private static object? Expected(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Array => value.EnumerateArray().Select(Expected).ToArray(),
        JsonValueKind.Number => value.GetRawText().AsSpan().ContainsAny(".eE") ? (object)value.GetDouble() : value.GetInt64(),
        _ => value.TryGetProperty("unix_ns", out JsonElement time) ? new Timestamp(time.GetInt64())
            : value.TryGetProperty("float", out JsonElement number) ? double.Parse(number.GetString()!, CultureInfo.InvariantCulture) : null,
    };

    // In the manifest's notation.
    private static string Plain(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        string text => JsonSerializer.Serialize(text),
        BigInteger large => $"{{\"int\": \"{large}\"}}",
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        byte[] bytes => $"{{\"bytes_hex\": \"{Convert.ToHexStringLower(bytes)}\"}}",
        PickledSet set => $"{{\"set\": [{string.Join(", ", set.Items.Select(Plain))}]}}",
        List<object?> list => $"[{string.Join(", ", list.Select(Plain))}]",
        object?[] tuple => $"{{\"tuple\": [{string.Join(", ", tuple.Select(Plain))}]}}",
        PickledDictionary items => $"{{\"dict\": [{string.Join(", ", items.Items.Select(item => $"[{Plain(item.Key)}, {Plain(item.Value)}]"))}]}}",
        _ => value.ToString()!,
    };
}
