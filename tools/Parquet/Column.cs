using System.Globalization;
using System.Text.Json;
using MiniLM.Data;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace ParquetToJsonLines;

/// <summary>A column of a row group, read row by row.</summary>
/// <param name="name">As the file names it.</param>
internal abstract class Column(string name)
{
    private const string Iso8601 = "yyyy-MM-ddTHH:mm:ss.FFFFFFF";

    internal string Name => name;

    /// <summary>Writes the value, or the list of values, of the next row.</summary>
    internal abstract void WriteNext(Utf8JsonWriter json);

    /// <exception cref="DataFormatException">A type that has no form in JSON.</exception>
    internal static async Task<Column> ReadAsync(string input, Field field, DataField values, ParquetRowGroupReader group, CancellationToken cancellation)
    {
        RawColumnData data = await group.ReadRawColumnDataBaseAsync(values, cancellation);
        Column Of<T>(Action<Utf8JsonWriter, T> write) where T : struct => new Column<T>(field, values, (RawColumnData<T>)data, write);

        Type type = values.ClrType;
        return type == typeof(ReadOnlyMemory<char>) ? Of<ReadOnlyMemory<char>>((json, text) => json.WriteStringValue(text.Span))
            : type == typeof(bool) ? Of<bool>((json, value) => json.WriteBooleanValue(value))
            : type == typeof(sbyte) ? Of<sbyte>((json, value) => json.WriteNumberValue(value))
            : type == typeof(byte) ? Of<byte>((json, value) => json.WriteNumberValue(value))
            : type == typeof(short) ? Of<short>((json, value) => json.WriteNumberValue(value))
            : type == typeof(ushort) ? Of<ushort>((json, value) => json.WriteNumberValue(value))
            : type == typeof(int) ? Of<int>((json, value) => json.WriteNumberValue(value))
            : type == typeof(uint) ? Of<uint>((json, value) => json.WriteNumberValue(value))
            : type == typeof(long) ? Of<long>((json, value) => json.WriteNumberValue(value))
            : type == typeof(ulong) ? Of<ulong>((json, value) => json.WriteNumberValue(value))
            : type == typeof(decimal) ? Of<decimal>((json, value) => json.WriteNumberValue(value))
            : type == typeof(float) ? Of<float>((json, value) => Write(json, float.IsFinite(value), value, json.WriteNumberValue))
            : type == typeof(double) ? Of<double>((json, value) => Write(json, double.IsFinite(value), value, json.WriteNumberValue))
            : type == typeof(DateTime) ? Of<DateTime>((json, time) => json.WriteStringValue(time.ToString(Iso8601, CultureInfo.InvariantCulture)))
            : throw new DataFormatException($"{input}: the column '{field.Name}' holds values of type {type.Name}, which are not read. Leave it out.");
    }

    // JSON has no number that is none.
    private static void Write<T>(Utf8JsonWriter json, bool isFinite, T value, Action<T> write)
    {
        if (isFinite) { write(value); }
        else { json.WriteNullValue(); }
    }
}

/// <summary>A column of one type, by its levels (Dremel; Melnik et al. 2010): at the highest definition level there is a value, and a repetition
/// level above 0 goes on with the list of the entry before.</summary>
internal sealed class Column<T>(Field column, DataField values, RawColumnData<T> data, Action<Utf8JsonWriter, T> write)
    : Column(column.Name) where T : struct
{
    private int _entry, _value;

    private bool IsList => values.MaxRepetitionLevel > 0;

    private int Level => values.MaxDefinitionLevel == 0 ? 0 : data.DefinitionLevels[_entry];

    internal override void WriteNext(Utf8JsonWriter json)
    {
        if (!IsList)
        {
            WriteEntry(json);
            return;
        }
        // Above the list's own level there are entries; at it the list is empty, below it there is none.
        int first = values.MaxDefinitionLevel - (values.IsNullable ? 1 : 0);
        if (Level < first)
        {
            if (column.IsNullable && Level == 0) { json.WriteNullValue(); }
            else
            {
                json.WriteStartArray();
                json.WriteEndArray();
            }
            _entry++;
            return;
        }
        json.WriteStartArray();
        do { WriteEntry(json); }
        while (_entry < data.RepetitionLevels.Length && data.RepetitionLevels[_entry] > 0);
        json.WriteEndArray();
    }

    private void WriteEntry(Utf8JsonWriter json)
    {
        if (Level == values.MaxDefinitionLevel) { write(json, data.Values[_value++]); }
        else { json.WriteNullValue(); }
        _entry++;
    }
}
