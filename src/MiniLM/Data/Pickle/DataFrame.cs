using System.Globalization;
using System.Numerics;

namespace MiniLM.Data.Pickle;

/// <summary>A table of pandas.</summary>
/// <remarks>Cells are null (None, NaT, a missing text of Arrow), bool, long, ulong, BigInteger, double (NaN is a missing number or text), string,
/// byte[], <see cref="Timestamp"/>, or object?[] (a list, a tuple or an array in a cell).</remarks>
/// <param name="Name">For messages.</param>
/// <param name="Columns">Labels in order: texts or numbers; a label may come twice.</param>
/// <param name="IndexName">Label of the index; null: none.</param>
/// <param name="Index">Per row.</param>
/// <param name="Cells">By column, then row.</param>
internal sealed record DataFrame(string Name, object?[] Columns, object? IndexName, object?[] Index, object?[][] Cells)
{
    /// <summary>Reads a DataFrame, or a Series as a table of one column: .pkl, plain or .gz.</summary>
    /// <exception cref="DataFormatException">The file is damaged, is no DataFrame, or holds more than data.</exception>
    internal static DataFrame Read(string path, CancellationToken cancellation = default) =>
        DataFrameReader.Read(PickleReader.Read(PickleBlob.Read(path, cancellation), DataFile.Name(path), cancellation));

    /// <summary>The cells of a column, or of the index where it has that name; null: there is no such column.</summary>
    internal object?[]? Find(string column)
    {
        int index = Array.FindIndex(Columns, label => label is string text && text == column);
        return index >= 0 ? Cells[index] : IndexName is string name && name == column ? Index : null;
    }

    /// <summary>A cell as text: null for what is missing, numbers as Python writes them.</summary>
    /// <exception cref="DataFormatException">A list, bytes or a time.</exception>
    internal string? Text(object?[] cells, int row) => cells[row] switch
    {
        null or double.NaN => null,
        string text => text,
        bool value => value ? "True" : "False",
        long or ulong or double or BigInteger => ((IFormattable)cells[row]!).ToString(null, CultureInfo.InvariantCulture),
        _ => throw new DataFormatException($"{Name}: row {row} (from 0): a list, bytes or a time where a text is needed. Name another column."),
    };
}
