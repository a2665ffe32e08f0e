namespace MiniLM.Text.Repair;

/// <summary>Bytes of UTF-8 that something on the way had replaced.</summary>
internal static class LostBytes
{
    private const byte Space = 0x20, NoBreakSpace = 0xA0, Substitute = 0x1A;

    /// <summary>ftfy's <c>restore_byte_a0</c>: puts A0 back where a space took its place, if the sequence is then of a likely character.</summary>
    internal static byte[] RestoreNoBreakSpaces(byte[] bytes)
    {
        List<byte> restored = new(bytes.Length);
        for (int at = 0; at < bytes.Length;)
        {
            ReadOnlySpan<byte> rest = bytes.AsSpan(at);
            if (IsWordOfOneLetter(rest))
            {
                restored.AddRange([rest[0], NoBreakSpace, Space]);
                at += 2;
                continue;
            }
            int length = AlteredLength(rest);
            for (int end = at + Math.Max(length, 1); at < end; at++)
            {
                restored.Add(length > 0 && bytes[at] == Space ? NoBreakSpace : bytes[at]);
            }
        }
        return [.. restored];
    }

    /// <summary>ftfy's <c>replace_lossy_sequences</c>: a sequence some of whose bytes are 1A (or one '?') becomes U+FFFD.</summary>
    internal static byte[] ReplaceLossySequences(byte[] bytes)
    {
        List<byte> replaced = new(bytes.Length);
        for (int at = 0; at < bytes.Length;)
        {
            int length = LossyLength(bytes.AsSpan(at));
            if (length == 0) { replaced.Add(bytes[at++]); }
            else
            {
                replaced.AddRange("\ufffd"u8);
                at += length;
            }
        }
        return [.. replaced];
    }

    // "à " whose A0 and space became one space; not where "à" begins a Portuguese word (às, àquele, àquela, àquilo).
    private static bool IsWordOfOneLetter(ReadOnlySpan<byte> bytes) => bytes is [0xC3, Space, ..]
        && bytes[2..] is var next && !next.StartsWith(" "u8) && !next.StartsWith("s "u8)
        && !next.StartsWith("quele"u8) && !next.StartsWith("quela"u8) && !next.StartsWith("quilo"u8);

    // Bytes of the sequence here that is UTF-8 with a space for A0; 0: none, or one of a script that is unlikely beside Latin letters.
    private static int AlteredLength(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0xC2 or 0xC3 or 0xC5 or 0xCE or 0xD0 or 0xD9, Space, ..] => 2,
        [0xE2 or 0xE3, Space, var last, ..] when IsUnambiguous(last) => 3,
        [>= 0xE0 and <= 0xE3, var middle, Space, ..] when IsUnambiguous(middle) => 3,
        [0xF0, Space, >= 0x80 and <= 0xBF, >= 0x80 and <= 0xBF, ..] => 4,
        [0xF0, >= 0x80 and <= 0xBF, Space, >= 0x80 and <= 0xBF, ..] => 4,
        [0xF0, >= 0x80 and <= 0xBF, >= 0x80 and <= 0xBF, Space, ..] => 4,
        _ => 0,
    };

    // A continuation other than 85, an ellipsis in windows-1252, and A0 itself.
    private static bool IsUnambiguous(byte value) => value is >= 0x80 and <= 0xBF and not 0x85 and not NoBreakSpace;

    // Bytes of the sequence here that lost some; 0: none did.
    private static int LossyLength(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [Substitute, ..] => 1,
        [>= 0xC2 and <= 0xDF, Substitute, ..] or [0xC2 or 0xC3, (byte)'?', ..] => 2,
        [0xED, >= 0xA0 and <= 0xAF, var high, 0xED, >= 0xB0 and <= 0xBF, var low, ..] when IsLossy(high, low, 2) => 6,
        [>= 0xE0 and <= 0xEF, var second, var third, ..] when IsLossy(second, third, 1) => 3,
        [>= 0xF0 and <= 0xF4, var second, var third, var fourth, ..] when IsLossy(second, third, 1, fourth) => 4,
        _ => 0,
    };

    // Continuations and lost ones, at least one lost, at most so many shown as '?'.
    private static bool IsLossy(byte first, byte second, int mostQuestions, byte third = 0x80)
    {
        (int lost, int questions) = (0, 0);
        foreach (byte value in (ReadOnlySpan<byte>)[first, second, third])
        {
            if (value is (byte)'?') { questions++; }
            else if (value is Substitute) { lost++; }
            else if (value is < 0x80 or > 0xBF) { return false; }
        }
        return lost + questions > 0 && questions <= mostQuestions;
    }
}
