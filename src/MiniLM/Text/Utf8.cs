using System.Text;

namespace MiniLM.Text;

/// <summary>UTF-8 that is known to be valid, one code point at a time, and UTF-16 that may hold lone surrogates.</summary>
internal static class Utf8
{
    internal static bool IsContinuation(byte value) => (value & 0xC0) == 0x80;

    internal static int Write(int codePoint, Span<byte> destination)
    {
        if (codePoint < 0x80)
        {
            destination[0] = (byte)codePoint;
            return 1;
        }
        if (codePoint < 0x800)
        {
            destination[1] = (byte)(0x80 | (codePoint & 0x3F));
            destination[0] = (byte)(0xC0 | (codePoint >> 6));
            return 2;
        }
        if (codePoint < 0x10000)
        {
            destination[2] = (byte)(0x80 | (codePoint & 0x3F));
            destination[1] = (byte)(0x80 | ((codePoint >> 6) & 0x3F));
            destination[0] = (byte)(0xE0 | (codePoint >> 12));
            return 3;
        }
        destination[3] = (byte)(0x80 | (codePoint & 0x3F));
        destination[2] = (byte)(0x80 | ((codePoint >> 6) & 0x3F));
        destination[1] = (byte)(0x80 | ((codePoint >> 12) & 0x3F));
        destination[0] = (byte)(0xF0 | (codePoint >> 18));
        return 4;
    }

    internal static int Read(ReadOnlySpan<byte> bytes, int index, out int length)
    {
        int first = bytes[index];
        if (first < 0x80)
        {
            length = 1;
            return first;
        }
        if (first < 0xE0)
        {
            length = 2;
            return ((first & 0x1F) << 6) | (bytes[index + 1] & 0x3F);
        }
        if (first < 0xF0)
        {
            length = 3;
            return ((first & 0x0F) << 12) | ((bytes[index + 1] & 0x3F) << 6) | (bytes[index + 2] & 0x3F);
        }
        length = 4;
        return ((first & 0x07) << 18) | ((bytes[index + 1] & 0x3F) << 12) | ((bytes[index + 2] & 0x3F) << 6) | (bytes[index + 3] & 0x3F);
    }

    /// <summary>The code point that ends before <paramref name="index"/>.</summary>
    internal static int ReadBefore(ReadOnlySpan<byte> bytes, int index, out int length)
    {
        int start = index - 1;
        while (IsContinuation(bytes[start])) { start--; }
        return Read(bytes, start, out length);
    }

    /// <summary>The code point at <paramref name="index"/> of UTF-16 text; a lone surrogate reads as U+FFFD.</summary>
    internal static int ReadUtf16(ReadOnlySpan<char> text, int index, out int length)
    {
        char first = text[index];
        length = 1;
        if (!char.IsSurrogate(first)) { return first; }
        if (char.IsHighSurrogate(first) && index + 1 < text.Length && char.IsLowSurrogate(text[index + 1]))
        {
            length = 2;
            return char.ConvertToUtf32(first, text[index + 1]);
        }
        return Rune.ReplacementChar.Value;
    }

    /// <summary>The code point of UTF-16 text that ends before <paramref name="index"/>.</summary>
    internal static int ReadUtf16Before(ReadOnlySpan<char> text, int index, out int length)
    {
        bool pair = index >= 2 && char.IsLowSurrogate(text[index - 1]) && char.IsHighSurrogate(text[index - 2]);
        return ReadUtf16(text, index - (pair ? 2 : 1), out length);
    }
}
