using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace MiniLM.Data.Pickle;

/// <summary>A point in time, or "not a time", as null is elsewhere.</summary>
/// <param name="UnixNanoseconds">Since 1970 in UTC; wide enough for seconds of 64 bits.</param>
internal readonly record struct Timestamp(Int128 UnixNanoseconds);

/// <summary>The type of an array's elements: numbers, booleans, times, texts of fixed width, or objects.</summary>
/// <param name="Kind">NumPy's letter: b, i, u, f, M (datetime64), U (UTF-32), O.</param>
/// <param name="Size">Bytes of an element.</param>
/// <param name="IsBigEndian">Of numbers of more than a byte, and of characters.</param>
/// <param name="Nanoseconds">Unit of a datetime64.</param>
internal readonly record struct NumpyType(char Kind, int Size, bool IsBigEndian, long Nanoseconds)
{
    /// <exception cref="DataFormatException">Not a dtype, or one that is not read here.</exception>
    internal static NumpyType Of(PickledFile file, object? dtype)
    {
        if (dtype is not PickledObject { Name: PickleName.Dtype, Arguments: [string code, ..] } made) { throw file.Wrong(dtype, "an array without a dtype."); }
        object?[] state = made.State as object?[] ?? [];
        string order = state.Length > 1 ? AsText(state[1]) : "|";
        if (!IsRead(code, out int size) || order is not ("<" or ">" or "|" or "="))
        {
            throw file.Wrong(made, $"the dtype {Quoted.Text(code + (state.Length > 1 ? order : ""))} is not read.");
        }
        return new NumpyType(code[0] == '?' ? 'b' : code[0], size, order == ">", code[0] == 'M' ? Unit(file, made, state) : 0);
    }

    /// <summary>An element of <see cref="Size"/> bytes as bool, long, ulong (where long is too small), double, string, <see cref="Timestamp"/> or null
    /// (not a time).</summary>
    internal object? Decode(ReadOnlySpan<byte> bytes) => (Kind, Size) switch
    {
        ('b', _) => bytes[0] != 0,
        ('f', 2) => (double)(IsBigEndian ? BinaryPrimitives.ReadHalfBigEndian(bytes) : BinaryPrimitives.ReadHalfLittleEndian(bytes)),
        ('f', 4) => (double)(IsBigEndian ? BinaryPrimitives.ReadSingleBigEndian(bytes) : BinaryPrimitives.ReadSingleLittleEndian(bytes)),
        ('f', _) => IsBigEndian ? BinaryPrimitives.ReadDoubleBigEndian(bytes) : BinaryPrimitives.ReadDoubleLittleEndian(bytes),
        ('U', _) => Characters(bytes),
        ('u', 8) when Integer<ulong>(bytes) is > long.MaxValue and ulong large => large,
        ('u', _) => (long)Integer<ulong>(bytes),
        ('M', _) => Integer<long>(bytes) is not long.MinValue and long count ? new Timestamp((Int128)count * Nanoseconds) : null,
        _ => Integer<long>(bytes),
    };

    private T Integer<T>(ReadOnlySpan<byte> bytes) where T : IBinaryInteger<T> =>
        IsBigEndian ? T.ReadBigEndian(bytes, isUnsigned: Kind == 'u') : T.ReadLittleEndian(bytes, isUnsigned: Kind == 'u');

    // Padded with zeros at the end.
    private string? Characters(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        for (int i = 0; i < bytes.Length; i += 4)
        {
            uint code = IsBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes[i..]) : BinaryPrimitives.ReadUInt32LittleEndian(bytes[i..]);
            text.Append(Rune.TryCreate(code, out Rune rune) ? rune.ToString() : "\ufffd");
        }
        return text.ToString().TrimEnd('\0');
    }

    private static bool IsRead(string code, out int size)
    {
        size = 8;
        if (code is "O" or "M") { return true; }
        if (code is "?") { return (size = 1) == 1; }
        if (code.Length < 2 || !int.TryParse(code.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out size)) { return false; }
        switch (code[0])
        {
            case 'b': return size == 1;
            case 'i' or 'u': return size is 1 or 2 or 4 or 8;
            case 'f': return size is 2 or 4 or 8;
            case 'O' or 'M': return size == 8;
            case 'U':
                bool fits = size is > 0 and < 1 << 28;
                size *= 4;
                return fits;
            default: return false;
        }
    }

    private static long Unit(PickledFile file, PickledObject dtype, object?[] state) =>
        state.Length > 0 && state[^1] is object?[] and [_, object?[] and [var unit, 1L, ..]]
            ? AsText(unit) switch
            {
                "ns" => 1,
                "us" => 1_000,
                "ms" => 1_000_000,
                "s" => 1_000_000_000,
                string other => throw file.Wrong(dtype, $"a time in {Quoted.Text(other)}; ns, us, ms and s are read."),
            }
            : throw file.Wrong(dtype, "a time without a unit.");

    private static string AsText(object? value) => value is byte[] bytes ? Encoding.Latin1.GetString(bytes) : value as string ?? "";
}
