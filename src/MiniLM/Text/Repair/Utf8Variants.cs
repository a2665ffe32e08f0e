using System.Text;

namespace MiniLM.Text.Repair;

/// <summary>UTF-8, and what Java and CESU-8 make of it.</summary>
internal static class Utf8Variants
{
    /// <summary>The text of UTF-8; null: it is none.</summary>
    internal static string? Decode(ReadOnlySpan<byte> bytes) => System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : null;

    /// <summary>Whether <see cref="DecodeVariants"/> is to be asked: ED begins a surrogate (or Hangul), C0 Java's U+0000.</summary>
    internal static bool MayVary(ReadOnlySpan<byte> bytes) => bytes.ContainsAny((byte)0xED, (byte)0xC0);

    /// <summary>As <see cref="Decode"/>, where U+0000 may be C0 80 (Java), and a character above U+FFFF two surrogates of three bytes (CESU-8).</summary>
    /// <remarks>As in ftfy, a line feed at the very end passes for the last byte of either.</remarks>
    internal static string? DecodeVariants(ReadOnlySpan<byte> bytes)
    {
        byte[] utf8 = new byte[bytes.Length];
        int length = 0;
        while (bytes.Length > 0)
        {
            if (bytes is [0xC0, var zero, ..] && IsContinuation(zero, 0x80, 0x80, bytes.Length == 2))
            {
                utf8[length++] = 0;
                bytes = bytes[2..];
            }
            else if (bytes is [0xED, >= 0xA0 and <= 0xAF, >= 0x80 and <= 0xBF, 0xED, >= 0xB0 and <= 0xBF, var last, ..]
                && IsContinuation(last, 0x80, 0xBF, bytes.Length == 6))
            {
                int codePoint = 0x10000 + ((bytes[1] & 0xF) << 16) + ((bytes[2] & 0x3F) << 10) + ((bytes[4] & 0xF) << 6) + (last & 0x3F);
                length += new Rune(codePoint).EncodeToUtf8(utf8.AsSpan(length));
                bytes = bytes[6..];
            }
            else
            {
                utf8[length++] = bytes[0];
                bytes = bytes[1..];
            }
        }
        return Decode(utf8.AsSpan(0, length));
    }

    private static bool IsContinuation(byte value, byte first, byte last, bool isEnd) => (value >= first && value <= last) || (isEnd && value == '\n');
}
