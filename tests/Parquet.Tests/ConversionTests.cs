using MiniLM.Data;
using Parquet;
using Parquet.Schema;

namespace ParquetToJsonLines.Tests;

public sealed class ConversionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("minilm-parquet-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    private async Task<string[]> ConvertAsync(ParquetSchema schema, params Func<ParquetRowGroupWriter, Task>[] groups)
    {
        await using (FileStream stream = File.Create(At("a.parquet")))
        await using (ParquetWriter writer = await ParquetWriter.CreateAsync(schema, stream))
        {
            foreach (Func<ParquetRowGroupWriter, Task> write in groups)
            {
                using ParquetRowGroupWriter group = writer.CreateRowGroup();
                await write(group);
                group.CompleteValidate();
            }
        }
        long rows = await Conversion.RunAsync(At("a.parquet"), At("a.jsonl"), CancellationToken.None);
        string[] lines = File.ReadAllLines(At("a.jsonl"));
        Assert.Equal(lines.Length, rows);
        return lines;
    }

    [Fact]
    public async Task Values_AreWrittenRowByRow_OfEveryGroup()
    {
        DataField<string> text = new("text");
        DataField<long> count = new("count");
        DataField<double?> score = new("score");
        DataField<bool> flag = new("flag");
        DataField<float> number = new("number");
        string[] lines = await ConvertAsync(new ParquetSchema(text, count, score, flag, number), async group =>
        {
            await group.WriteAsync(text, [null!, "ü \"x\"\n", "", "b"]);
            await group.WriteAsync<long>(count, (long[])[long.MinValue, 2, 3, 4]);
            await group.WriteAsync<double>(score, (double?[])[null, null, 0.25, double.NaN]);
            await group.WriteAsync<bool>(flag, (bool[])[true, false, true, true]);
            await group.WriteAsync<float>(number, (float[])[1.5f, 0.1f, float.PositiveInfinity, -0f]);
        }, async group =>
        {
            await group.WriteAsync(text, ["second"]);
            await group.WriteAsync<long>(count, (long[])[5]);
            await group.WriteAsync<double>(score, (double?[])[1]);
            await group.WriteAsync<bool>(flag, (bool[])[false]);
            await group.WriteAsync<float>(number, (float[])[2]);
        });
        Assert.Equal(
        [
            """{"text":null,"count":-9223372036854775808,"score":null,"flag":true,"number":1.5}""",
            """{"text":"ü \"x\"\n","count":2,"score":null,"flag":false,"number":0.1}""",
            """{"text":"","count":3,"score":0.25,"flag":true,"number":null}""",
            """{"text":"b","count":4,"score":null,"flag":true,"number":-0}""",
            """{"text":"second","count":5,"score":1,"flag":false,"number":2}""",
        ], lines);
    }

    [Fact]
    public async Task Lists_AreLists_AndRowReaderReadsTheRest()
    {
        DataField<string> query = new("query");
        ParquetSchema schema = new(query, new ListField("pos", new DataField<string>("element")));
        DataField pos = schema.GetDataFields()[1];
        // Levels by hand: 3 a value, 2 a null in a list, 1 an empty list, 0 no list.
        string[] lines = await ConvertAsync(schema, async group =>
        {
            await group.WriteAsync(query, ["q1", "q2", "q3", "q4"]);
            await group.WriteAllPartsAsync<ReadOnlyMemory<char>>(pos, (ReadOnlyMemory<char>[])["p1".AsMemory(), "p2".AsMemory(), "p3".AsMemory()],
                (int[])[3, 3, 1, 0, 2, 3], (int[])[0, 1, 0, 0, 0, 1], CancellationToken.None);
        });
        Assert.Equal(
        [
            """{"query":"q1","pos":["p1","p2"]}""", """{"query":"q2","pos":[]}""", """{"query":"q3","pos":null}""", """{"query":"q4","pos":[null,"p3"]}""",
        ], lines);
        using RowReader reader = RowReader.Open(At("a.jsonl"), new RowFormat { Columns = ["query"] });
        string[] row = new string[1];
        Assert.True(reader.Read(row));
        Assert.Equal("q1", row[0]);
    }

    [Fact]
    public async Task Conversion_RefusesInOneLine_AndLeavesNothing()
    {
        File.WriteAllText(At("no.parquet"), "PAR1 is not enough PAR1");
        DataFormatException error = await Assert.ThrowsAsync<DataFormatException>(() => Conversion.RunAsync(At("no.parquet"), At("a.jsonl"), default));
        Assert.StartsWith($"{At("no.parquet")}: cannot be read as Parquet (", error.Message);
        Assert.DoesNotContain('\n', error.Message);
        await Assert.ThrowsAsync<DataFormatException>(() => Conversion.RunAsync(At("none.parquet"), At("a.jsonl"), default));
        File.WriteAllText(At("there.jsonl"), "mine");
        await Assert.ThrowsAsync<IOException>(() => Conversion.RunAsync(At("no.parquet"), At("there.jsonl"), default));
        Assert.Equal(["no.parquet", "there.jsonl"], Directory.EnumerateFiles(_folder).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task Conversion_RefusesStructures()
    {
        ParquetSchema schema = new(new StructField("outer", new DataField<int>("inner")));
        DataField inner = schema.GetDataFields()[0];
        DataFormatException error = await Assert.ThrowsAsync<DataFormatException>(() => ConvertAsync(schema,
            group => group.WriteAllPartsAsync<int>(inner, (int[])[1], (int[])[inner.MaxDefinitionLevel], null, CancellationToken.None)));
        Assert.Contains("the column 'outer' is a Struct", error.Message);
    }
}
