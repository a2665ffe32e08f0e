using System.Globalization;
using System.Numerics;
using System.Text;

namespace MiniLM.Data.Pickle;

/// <summary>Numbers and texts in the forms of protocol 0, and integers of any length.</summary>
internal static class PickleLiterals
{
    /// <summary>Most digits or bytes of an integer: more take time that grows with their square (Python's own limit).</summary>
    private const int MaxIntegerLength = 4300;

    /// <summary>The line of INT (which also writes booleans: 00, 01) as bool, long or BigInteger.</summary>
    internal static object IntegerOrBoolean(PickleBytes bytes)
    {
        ReadOnlySpan<byte> line = bytes.Line();
        return line.SequenceEqual("00"u8) ? false : line.SequenceEqual("01"u8) ? true : Integer(bytes, line);
    }

    /// <summary>Decimal digits, with a minus sign or none, as long or BigInteger.</summary>
    internal static object Integer(PickleBytes bytes, ReadOnlySpan<byte> digits)
    {
        if (digits.Length > MaxIntegerLength) { throw bytes.Wrong($"an integer of {digits.Length} characters; at most {MaxIntegerLength} are read."); }
        if (long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)) { return value; }
        return BigInteger.TryParse(Encoding.Latin1.GetString(digits), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out BigInteger large) ? large
            : throw bytes.Wrong($"{Quoted.Text(Encoding.Latin1.GetString(digits))} is no integer. Write the file anew.");
    }

    /// <summary>Little-endian two's complement of <paramref name="length"/> bytes; none are zero.</summary>
    internal static object Integer(PickleBytes bytes, uint length)
    {
        if (length > MaxIntegerLength) { throw bytes.Wrong($"an integer of {length} bytes; at most {MaxIntegerLength} are read."); }
        return Narrow(new BigInteger(bytes.Take(length)));
    }

    /// <summary>A decimal float, as Python's repr writes it.</summary>
    internal static double Float(PickleBytes bytes)
    {
        ReadOnlySpan<byte> line = bytes.Line();
        if (line.SequenceEqual("nan"u8)) { return double.NaN; }
        if (line.SequenceEqual("inf"u8)) { return double.PositiveInfinity; }
        if (line.SequenceEqual("-inf"u8)) { return double.NegativeInfinity; }
        const NumberStyles Decimal = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return double.TryParse(line, Decimal, CultureInfo.InvariantCulture, out double value) ? value
            : throw bytes.Wrong($"{Quoted.Text(Encoding.Latin1.GetString(line))} is no number. Write the file anew.");
    }

    /// <summary>Python's raw-unicode-escape: Latin-1, with \uXXXX and \UXXXXXXXX; any other backslash, and what follows it, is text.</summary>
    internal static string RawUnicode(PickleBytes bytes)
    {
        ReadOnlySpan<byte> line = bytes.Line();
        StringBuilder text = new(line.Length);
        for (int i = 0; i < line.Length; i++)
        {
            int digits = line[i] != '\\' || i + 1 == line.Length ? 0 : line[i + 1] == 'u' ? 4 : line[i + 1] == 'U' ? 8 : 0;
            if (digits > 0)
            {
                if (i + 2 + digits > line.Length || !uint.TryParse(line.Slice(i + 2, digits), NumberStyles.AllowHexSpecifier, null, out uint code)
                    || !Rune.TryCreate(code, out Rune rune))
                {
                    throw bytes.Wrong("an escape that is no character. Write the file anew.");
                }
                text.Append(rune.ToString());
                i += 1 + digits;
                continue;
            }
            text.Append((char)line[i]);
            if (line[i] == '\\' && i + 1 < line.Length) { text.Append((char)line[++i]); }
        }
        return text.ToString();
    }

    private static object Narrow(BigInteger value) => value >= long.MinValue && value <= long.MaxValue ? (long)value : (object)value;
}
