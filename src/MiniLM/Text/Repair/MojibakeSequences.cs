using System.Text;

namespace MiniLM.Text.Repair;

/// <summary>ftfy's <c>decode_inconsistent_utf8</c>: UTF-8 that was read by a wrong encoding, amid text that was not.</summary>
internal static class MojibakeSequences
{
    /// <summary>What byte of UTF-8 a character may have been, by some encoding of <see cref="SingleByteEncoding.LikeLatin1"/>.</summary>
    [Flags]
    private enum Roles : byte
    {
        FirstOf2 = 1,
        FirstOf3 = 2,
        FirstOf4 = 4,
        Continuation = 8,

        /// <summary>A continuation that hardly stands for itself: no dash, quotation mark, bullet, ellipsis or space.</summary>
        StrictContinuation = 16,
    }

    private const string AmbiguousContinuations = "–—―‘’‚“”„•…";

    private static readonly Roles[] RolesOf = Table();

    /// <summary>Repairs each run of such sequences that looks bad by itself.</summary>
    internal static string Decode(string text)
    {
        StringBuilder decoded = new(text.Length);
        for (int at = 0; at < text.Length;)
        {
            int length = at > 0 && Is(text[at - 1], Roles.StrictContinuation) ? 0 : RunLength(text.AsSpan(at));
            if (length == 0) { decoded.Append(text[at++]); continue; }
            string run = text.Substring(at, length);
            // Only what is shorter than the text, so that this ends.
            decoded.Append(length < text.Length && Mojibake.IsBad(run) ? EncodingRepair.Fix(run) : run);
            at += length;
        }
        return decoded.ToString();
    }

    // Characters of the sequences that follow one another from here on.
    private static int RunLength(ReadOnlySpan<char> text)
    {
        int length = 0;
        for (int sequence; (sequence = SequenceLength(text[length..])) > 0;) { length += sequence; }
        return length;
    }

    private static int SequenceLength(ReadOnlySpan<char> text)
    {
        if (text.Length == 0) { return 0; }
        int length = Is(text[0], Roles.FirstOf2) ? 2 : Is(text[0], Roles.FirstOf3) ? 3 : Is(text[0], Roles.FirstOf4) ? 4 : 0;
        if (length > text.Length) { return 0; }
        for (int at = 1; at < length; at++)
        {
            if (!Is(text[at], Roles.Continuation)) { return 0; }
        }
        return length;
    }

    private static bool Is(char character, Roles role) => character < RolesOf.Length && (RolesOf[character] & role) != 0;

    private static Roles[] Table()
    {
        Roles[] table = new Roles['\u2123'];
        foreach (SingleByteEncoding encoding in SingleByteEncoding.LikeLatin1)
        {
            Add(0x80, 0xBF, Roles.Continuation | Roles.StrictContinuation);
            Add(0xC2, 0xDF, Roles.FirstOf2);
            Add(0xE0, 0xEF, Roles.FirstOf3);
            Add(0xF0, 0xF0, Roles.FirstOf4);
            Add(0xF3, 0xF3, Roles.FirstOf4); // others of four are of no characters yet

            void Add(int first, int last, Roles role)
            {
                for (int value = first; value <= last; value++) { table[encoding.Upper(value)] |= role; }
            }
        }
        foreach (char character in AmbiguousContinuations) { table[character] &= ~Roles.StrictContinuation; }
        table[' '] = Roles.Continuation; // for U+00A0
        return table;
    }
}
