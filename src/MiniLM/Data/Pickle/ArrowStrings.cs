using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace MiniLM.Data.Pickle;

/// <summary>Texts as Apache Arrow holds them: a bit each for "is there", offsets, UTF-8.</summary>
internal static class ArrowStrings
{
    /// <summary>The texts of a string array, or of the pieces of a chunked one; null where there is none.</summary>
    /// <exception cref="DataFormatException">Not such an array, or its parts contradict one another.</exception>
    internal static object?[] Of(PickledFile file, object? value) => value switch
    {
        PickledObject { Name: PickleName.ArrowChunks, Arguments: [List<object?> chunks, ..] } => [.. chunks.SelectMany(chunk => Array(file, chunk))],
        _ => Array(file, value),
    };

    private static object?[] Array(PickledFile file, object? value)
    {
        // type, length, nulls, offset, buffers, children, dictionary
        if (value is not PickledObject { Name: PickleName.ArrowArray, Arguments: [object?[] parts] }
            || parts is not [var type, long length, _, long offset, List<object?> { Count: 3 } buffers, List<object?> { Count: 0 }, null])
        {
            throw file.Wrong(value, "no Arrow array of texts where one is needed.");
        }
        int width = type is PickledObject { Name: PickleName.ArrowType, Arguments: ["string"] } ? 4
            : type is PickledObject { Name: PickleName.ArrowType, Arguments: ["large_string"] } ? 8
            : throw file.Wrong(value, "an Arrow array of something else than texts.");
        byte[] valid = Buffer(file, buffers[0]), offsets = Buffer(file, buffers[1]), text = Buffer(file, buffers[2]);
        bool hasNulls = buffers[0] is not null;
        if (length == 0) { return []; }
        if (length < 0 || offset < 0 || offset > int.MaxValue || length > int.MaxValue || offsets.Length / width <= offset + length
            || (hasNulls && valid.Length * 8L < offset + length))
        {
            throw file.Wrong(value, "an Arrow array is longer than its buffers.");
        }
        file.Charge(length);
        object?[] texts = new object?[length];
        for (int i = 0; i < texts.Length; i++)
        {
            int at = (int)offset + i;
            long start = Offset(offsets, at, width), end = Offset(offsets, at + 1, width);
            if (start < 0 || start > end || end > text.Length) { throw file.Wrong(value, "an Arrow array's offsets do not rise within its text."); }
            if (hasNulls && (valid[at >> 3] >> (at & 7) & 1) == 0) { continue; }
            file.Charge(end - start);
            ReadOnlySpan<byte> utf8 = text.AsSpan((int)start, (int)(end - start));
            texts[i] = Utf8.IsValid(utf8) ? Encoding.UTF8.GetString(utf8) : throw file.Wrong(value, "a text that is not UTF-8.");
        }
        return texts;
    }

    private static long Offset(byte[] offsets, int index, int width) => width == 4
        ? BinaryPrimitives.ReadInt32LittleEndian(offsets.AsSpan(4 * index)) : BinaryPrimitives.ReadInt64LittleEndian(offsets.AsSpan(8 * index));

    private static byte[] Buffer(PickledFile file, object? value) => value switch
    {
        null => [],
        PickledObject { Name: PickleName.ArrowBuffer, Arguments: [byte[] bytes] } => bytes,
        _ => throw file.Wrong(value, "no Arrow buffer where one is needed."),
    };
}
