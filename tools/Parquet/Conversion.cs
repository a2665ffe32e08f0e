using System.Text.Encodings.Web;
using System.Text.Json;
using MiniLM.Data;
using Parquet;
using Parquet.Schema;

namespace ParquetToJsonLines;

/// <summary>A Parquet file as JSON lines: an object a row, its columns in the file's order.</summary>
internal static class Conversion
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Converts a file whole, or leaves nothing.</summary>
    /// <returns>Its rows.</returns>
    /// <exception cref="DataFormatException">It is damaged, or has columns that are neither values nor lists of values.</exception>
    /// <exception cref="IOException">The output exists, or cannot be written.</exception>
    internal static async Task<long> RunAsync(string input, string output, CancellationToken cancellation)
    {
        DataFile.Require(input);
        if (Path.Exists(output)) { throw new IOException($"{output}: exists. Remove it, or choose another output."); }
        using PartialFile file = PartialFile.Create(output + ".partial", cancellation);
        try
        {
            long rows = await WriteAsync(input, file, cancellation);
            file.Complete(output, overwrite: false);
            return rows;
        }
        catch
        {
            file.Delete();
            throw;
        }
    }

    private static async Task<long> WriteAsync(string input, Stream output, CancellationToken cancellation)
    {
        await using ParquetReader reader = await Read(input, ParquetReader.CreateAsync(input, cancellationToken: cancellation));
        DataField[] fields = [.. reader.Schema.Fields.Select(field => Field(input, field))];
        BufferedStream buffered = new(output, 1 << 16); // not disposed: the file is the caller's to complete
        long rows = 0;
        for (int group = 0; group < reader.RowGroupCount; group++)
        {
            using ParquetRowGroupReader rowGroup = reader.OpenRowGroupReader(group);
            List<Column> columns = [];
            for (int i = 0; i < fields.Length; i++)
            {
                columns.Add(await Read(input, Column.ReadAsync(input, reader.Schema.Fields[i], fields[i], rowGroup, cancellation)));
            }
            for (long row = 0; row < rowGroup.RowCount; row++, rows++)
            {
                cancellation.ThrowIfCancellationRequested();
                WriteRow(buffered, columns);
            }
        }
        buffered.Flush();
        return rows;
    }

    // The library throws what it stumbles over, and none of it names the file.
    private static async Task<T> Read<T>(string input, Task<T> reading)
    {
        try { return await reading; }
        catch (Exception error) when (error is not (OperationCanceledException or DataFormatException))
        {
            throw new DataFormatException($"{input}: cannot be read as Parquet ({error.Message.ReplaceLineEndings(" ").TrimEnd('.')}). Copy it again.", error);
        }
    }

    private static void WriteRow(Stream output, List<Column> columns)
    {
        using (Utf8JsonWriter json = new(output, Readable))
        {
            json.WriteStartObject();
            foreach (Column column in columns)
            {
                json.WritePropertyName(column.Name);
                column.WriteNext(json);
            }
            json.WriteEndObject();
        }
        output.WriteByte((byte)'\n');
    }

    private static DataField Field(string input, Field field) => field switch
    {
        DataField { IsArray: false } value => value,
        ListField { Item: DataField item } => item,
        _ => throw new DataFormatException($"{input}: the column '{field.Name}' is a {field.SchemaType}: values and lists of values are read. Leave it out."),
    };
}
