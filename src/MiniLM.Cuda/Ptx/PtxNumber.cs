using System.Globalization;

namespace MiniLM.Cuda.Ptx;

/// <summary>Constants: 12, 0x1F, 017, 0b101, 12U, 0f3F800000 (bits of a float), 0d3FF0000000000000 (of a double), 1.5e3 (a double).</summary>
internal static class PtxNumber
{
    /// <param name="text">Without sign.</param>
    /// <param name="bits">An integer's value, or a float's bits.</param>
    /// <param name="type">S64, F32 or F64.</param>
    internal static bool TryParse(ReadOnlySpan<char> text, out ulong bits, out PtxType type)
    {
        (bits, type) = (0, PtxType.S64);
        if (text.Length == 0) { return false; }
        if (text.Length > 1 && text[0] == '0')
        {
            switch (text[1])
            {
                case 'f' or 'F': type = PtxType.F32; return text.Length == 10 && Hex(text[2..], out bits);
                case 'd' or 'D': type = PtxType.F64; return text.Length == 18 && Hex(text[2..], out bits);
                case 'x' or 'X': return Hex(WithoutSuffix(text[2..]), out bits);
                case 'b' or 'B': return ulong.TryParse(WithoutSuffix(text[2..]), NumberStyles.AllowBinarySpecifier, CultureInfo.InvariantCulture, out bits);
                default: break;
            }
        }
        if (text.IndexOfAny('.', 'e', 'E') >= 0)
        {
            type = PtxType.F64;
            bool isNumber = double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double value);
            bits = BitConverter.DoubleToUInt64Bits(value);
            return isNumber;
        }
        text = WithoutSuffix(text);
        if (text.Length > 1 && text[0] == '0') { return Octal(text[1..], out bits); }
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out bits);
    }

    private static ReadOnlySpan<char> WithoutSuffix(ReadOnlySpan<char> text) => text.Length > 1 && text[^1] is 'U' or 'u' ? text[..^1] : text;

    private static bool Hex(ReadOnlySpan<char> text, out ulong bits) =>
        ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bits);

    private static bool Octal(ReadOnlySpan<char> text, out ulong bits)
    {
        bits = 0;
        foreach (char c in text)
        {
            if (c is < '0' or > '7' || bits >> 61 != 0) { return false; }
            bits = bits << 3 | (uint)(c - '0');
        }
        return true;
    }
}
