using System.Buffers;
using System.Globalization;
using System.Text;

namespace MiniLM.Text.Repair;

/// <summary>ftfy's <c>badness</c>: whether characters stand beside each other that hardly do but in text of a wrong encoding.</summary>
internal static class Mojibake
{
    /// <summary>What a character that occurs in such text is otherwise used for.</summary>
    [Flags]
    private enum Kinds : ushort
    {
        None = 0,
        Common = 1 << 0,
        C1 = 1 << 1,
        Bad = 1 << 2,
        Law = 1 << 3,
        Currency = 1 << 4,
        Start = 1 << 5,
        End = 1 << 6,
        Numeric = 1 << 7,
        Kaomoji = 1 << 8,
        UpperAccented = 1 << 9,
        LowerAccented = 1 << 10,
        UpperCommon = 1 << 11,
        LowerCommon = 1 << 12,
        Box = 1 << 13,
        Accented = UpperAccented | LowerAccented,
    }

    private static readonly ushort[] KindsOf = Table(
    [
        (Kinds.Common, "\u00a0\u00ad´·–—―’…"),
        (Kinds.C1, "\u0080-\u009f"),
        (Kinds.Bad, "¤¦¨ª¬¯¸ºƒˆˇ˘˛˜†‡‰⌐◊\ufffd"),
        (Kinds.Law, "§¶"),
        (Kinds.Currency, "¢£¥₧€"),
        (Kinds.Start, "¡©«¿΄΅‘‚“„•‹\uf8ff"),
        (Kinds.End, "®»˝”›™"),
        (Kinds.Numeric, "±²³µ¹¼½¾×÷⁄№∂∆∏∑√∞∩∫≈≠≡≤≥"),
        (Kinds.Kaomoji, "°Ò-ÖÙ-Üò-öø-üŌŐŪŲ"),
        (Kinds.UpperAccented, "À-ÑØÜÝĀĂĄĆČĎĐĒĖĘĚĞĢĪİĶĹĻĽŁŃŅŇŒŘŚŞŠŢŤŮŰŸŹŻŽҐ"),
        (Kinds.LowerAccented, "ß-ñüāăąćčďđēėęěğģīįķĺļľłœŕśşšťźżžґﬁﬂ"),
        (Kinds.UpperCommon, "ÞΆΈΉΊΌΎΏΑ-ΫЁ-Я"),
        (Kinds.LowerCommon, "ά-ωа-џ"),
        (Kinds.Box, "│┌┐┘├┤┬┼═-╬▀▄█▌▐-▓"),
    ]);

    private const Kinds Odd = Kinds.Accented | Kinds.Box | Kinds.Start | Kinds.End | Kinds.Currency | Kinds.Numeric | Kinds.Law;

    private static readonly (Kinds First, Kinds Second)[] Pairs =
    [
        (Odd | Kinds.Bad, Kinds.Bad),
        (Kinds.Bad, Odd),
        (Kinds.LowerAccented | Kinds.LowerCommon | Kinds.Box | Kinds.End | Kinds.Currency | Kinds.Numeric, Kinds.UpperAccented),
        (Kinds.Box | Kinds.End | Kinds.Currency | Kinds.Numeric, Kinds.LowerAccented),
        (Kinds.LowerAccented | Kinds.Box | Kinds.End, Kinds.Currency),
        (Kinds.UpperAccented | Kinds.Box, Kinds.Numeric | Kinds.Law),
        (Kinds.Currency | Kinds.Numeric | Kinds.Box, Kinds.Start),
        (Kinds.Box, Kinds.Kaomoji | Kinds.End),
        (Kinds.Accented | Kinds.Currency | Kinds.Numeric | Kinds.Start | Kinds.End | Kinds.Law, Kinds.Box),
    ];

    // Told by the very characters: first, second (of this list or these kinds), third (empty: any).
    private static readonly (string First, string Second, Kinds SecondKinds, string Third)[] Sequences =
    [
        ("ÂÃÎÐ", "€œŠšŸž\u00a0\u00ad°·–—´¢£", Kinds.Start | Kinds.End, ""), // windows-1252
        ("×", "²³", Kinds.None, ""),
        ("à", "²µ¹¼½¾", Kinds.None, ""), // of South Asian scripts
        ("√", "±∂†≠®™´≤≥¥µø", Kinds.None, ""), // macroman
        ("≈", "°¢", Kinds.None, ""),
        ("‚", "Ä", Kinds.None, "ìîïòôúùû†°¢π"),
        ("‚", "âó", Kinds.None, "àä°ê"),
        ("в", "Ђ", Kinds.None, ""), // windows-1251
        ("ВГРС", "°µ", Kinds.Bad | Kinds.Start | Kinds.End | Kinds.Currency, "ВГРС"),
        ("β", "€", Kinds.None, "™\u00a0Ά\u00ad®°"), // windows-1253
        ("ΒΓΞΟ", "°", Kinds.Bad | Kinds.Start | Kinds.End | Kinds.Currency, "ΒΓΞΟ"),
        ("ā", "€", Kinds.None, ""), // windows-1257
    ];

    /// <summary>Whether some of the text looks as if it had been read by a wrong encoding.</summary>
    internal static bool IsBad(ReadOnlySpan<char> text)
    {
        for (int at = 0; at < text.Length; at++)
        {
            int ascii = text[at..].IndexOfAnyExceptInRange('\0', '\u007f');
            if (ascii < 0) { return false; }
            at += ascii;
            if (IsBadAt(text, at)) { return true; }
        }
        return false;
    }

    // Each rule is tried from its first character that is not ASCII.
    private static bool IsBadAt(ReadOnlySpan<char> text, int at)
    {
        Kinds here = Of(text[at]), next = Of(Character(text, at + 1)), third = Of(Character(text, at + 2));
        return Is(here, Kinds.C1)
            || IsBadPair(here, next)
            || (Is(here, Kinds.UpperAccented) && Character(text, at + 1) == '°')
            || (Is(here, Kinds.Accented | Kinds.Box | Kinds.Currency | Kinds.End) && Is(next, Kinds.Start) && Is(third, Kinds.Numeric))
            || (Is(here, Kinds.Accented | Kinds.Currency | Kinds.Numeric | Kinds.Box | Kinds.Law) && Is(next, Kinds.End) && Is(third, Kinds.Start))
            || (Is(here, Kinds.Accented) && Is(next, Kinds.Start | Kinds.End) && IsWord(text, at + 2))
            || IsBadAfter(Character(text, at - 1), here, next)
            || IsBadSequence(text, at)
            || IsBadLetter(text, at);
    }

    private static bool IsBadPair(Kinds here, Kinds next)
    {
        foreach ((Kinds first, Kinds second) in Pairs)
        {
            if (Is(here, first) && Is(next, second)) { return true; }
        }
        return false;
    }

    private static bool IsBadAfter(char before, Kinds here, Kinds next) =>
        (char.IsAsciiLetter(before) && Is(here, Kinds.LowerCommon | Kinds.UpperCommon) && Is(next, Kinds.Bad))
        || (IsSpace(before) && Is(here, Kinds.UpperAccented) && Is(next, Kinds.Currency))
        || (char.IsAsciiLetterLower(before) && Is(here, Kinds.UpperAccented) && Is(next, Kinds.Start | Kinds.Currency));

    private static bool IsBadSequence(ReadOnlySpan<char> text, int at)
    {
        char here = text[at], next = Character(text, at + 1), third = Character(text, at + 2);
        foreach ((string first, string second, Kinds kinds, string last) in Sequences)
        {
            if (first.Contains(here) && (second.Contains(next) || Is(Of(next), kinds)) && (last.Length == 0 || last.Contains(third))) { return true; }
        }
        return false;
    }

    // What depends on more than two neighbours, or on what is not there.
    private static bool IsBadLetter(ReadOnlySpan<char> text, int at) => text[at] switch
    {
        'Œ' or 'œ' => at + 1 < text.Length && !char.IsAsciiLetter(text[at + 1]),
        'Â' or 'Ã' => (Character(text, at + 1) == ' ' && (at == 0 || EndsWithLetter(text[..at]))) || (text[at] == 'Â' && IsBetweenPunctuation(text, at)),
        'Ø' or 'Ù' => IsArabic(Character(text, at + 1)) && Character(text, at + 2) is 'Ø' or 'Ù' && IsArabic(Character(text, at + 3)),
        'Г' => text[at..].StartsWith("ГўВЂВ", StringComparison.Ordinal) && IsBeforeLatin(text[(at + 5)..]),
        _ => false,
    };

    // A letter of a to z, and perhaps white space.
    private static bool EndsWithLetter(ReadOnlySpan<char> text) =>
        char.IsAsciiLetterLower(Character(text, text.Length - 1))
        || (IsSpace(Character(text, text.Length - 1)) && char.IsAsciiLetterLower(Character(text, text.Length - 2)));

    private static bool IsBetweenPunctuation(ReadOnlySpan<char> text, int at)
    {
        char before = Character(text, at - 1), next = Character(text, at + 1);
        return (char.IsAsciiLetterLower(before) || before is '.' or ',' or '?' or '!' || Is(Of(before), Kinds.End))
            && (next == ' ' || Is(Of(next), Kinds.Start | Kinds.End));
    }

    // What windows-1252 makes of the second byte of an Arabic letter.
    private static bool IsArabic(char character) =>
        Is(Of(character), Kinds.Common | Kinds.Currency | Kinds.Bad | Kinds.Numeric | Kinds.Start) || character is 'Ÿ' or 'Š' or '®' or '°' or '»';

    private static bool IsBeforeLatin(ReadOnlySpan<char> text)
    {
        Rune.DecodeFromUtf16(text, out Rune any, out int length);
        char after = Character(text, length);
        return any.Value != '\n' && (char.IsAsciiLetter(after) || after == ' ');
    }

    // \w of Python: letters, numbers of any kind, and the underscore.
    private static bool IsWord(ReadOnlySpan<char> text, int at)
    {
        if (at >= text.Length || Rune.DecodeFromUtf16(text[at..], out Rune rune, out _) != OperationStatus.Done) { return false; }
        return rune.Value == '_' || Rune.GetUnicodeCategory(rune)
            is <= UnicodeCategory.OtherLetter or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;
    }

    // \s of Python.
    private static bool IsSpace(char character) => char.IsWhiteSpace(character) || character is >= '\u001c' and <= '\u001f';

    private static Kinds Of(char character) => (Kinds)KindsOf[character];

    private static bool Is(Kinds kinds, Kinds any) => (kinds & any) != 0;

    // U+0000, which is in no list, stands for what lies outside of the text.
    private static char Character(ReadOnlySpan<char> text, int at) => (uint)at < (uint)text.Length ? text[at] : '\0';

    private static ushort[] Table((Kinds Kind, string Ranges)[] kinds)
    {
        ushort[] table = new ushort[char.MaxValue + 1];
        foreach ((Kinds kind, string ranges) in kinds)
        {
            foreach (char character in CharacterRanges.Expand(ranges)) { table[character] |= (ushort)kind; }
        }
        return table;
    }
}
