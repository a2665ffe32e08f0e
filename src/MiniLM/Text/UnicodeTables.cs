namespace MiniLM.Text;

/// <summary>What the BERT normalizer and pre-tokenizer do with a code point. The order of the bits is that of tools/UnicodeTables.</summary>
[Flags]
internal enum CodePointFlags : byte
{
    CleanRemoved = 1,
    CleanToSpace = 2,
    CjkSpaced = 4,
    StripRemoved = 8,
    Punctuation = 16,
    WhiteSpace = 32,
    RegexWord = 64,

    /// <summary>Has an entry in one of the maps, or is a Hangul syllable.</summary>
    Mapped = 128,
}

/// <summary>
/// Look-ups in the generated tables. Everything is data of the assembly: nothing is built at start-up, and nothing depends on the operating
/// system's Unicode version (the reference mixes Unicode 8, 9 and current tables, so no .NET function agrees with it).
/// </summary>
internal static partial class UnicodeTables
{
    internal const int HangulFirst = 0xAC00;
    internal const int HangulLast = 0xD7A3;

    internal static CodePointFlags Flags(int codePoint)
    {
        int block = BlockIndex[codePoint >> BlockBits];
        return (CodePointFlags)BlockFlags[(block << BlockBits) + (codePoint & ((1 << BlockBits) - 1))];
    }

    /// <summary>Canonical decomposition without the dropped marks, UTF-16; empty = no entry (the code point stays as it is).</summary>
    internal static ReadOnlySpan<ushort> Stripped(int codePoint)
    {
        int index = Search(StripKeys, codePoint);
        return index < 0 ? default : StripText[StripOffsets[index]..StripOffsets[index + 1]];
    }

    /// <summary>Lower case, UTF-16; empty = no entry.</summary>
    internal static ReadOnlySpan<ushort> Lowered(int codePoint)
    {
        int index = Search(LowerKeys, codePoint);
        return index < 0 ? default : LowerText[LowerOffsets[index]..LowerOffsets[index + 1]];
    }

    /// <summary>Canonical combining class of a character that survives accent stripping.</summary>
    internal static byte KeptCombiningClass(int codePoint)
    {
        int index = Search(KeptClassKeys, codePoint);
        return index < 0 ? (byte)0 : KeptClassValues[index];
    }

    /// <summary>A dropped mark of class 0: it ends a run of combining characters although it leaves nothing behind.</summary>
    internal static bool IsRemovedStarter(int codePoint)
    {
        int index = Search(RemovedStarterBounds, codePoint);
        // Bounds alternate first, last + 1: after an even number of bounds we are outside.
        return index >= 0 ? (index & 1) == 0 : (~index & 1) == 1;
    }

    /// <summary>As BinarySearch of a span, which boxes its argument.</summary>
    private static int Search(ReadOnlySpan<int> keys, int key)
    {
        int low = 0;
        int high = keys.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (keys[middle] < key) { low = middle + 1; }
            else { high = middle; }
        }
        return low < keys.Length && keys[low] == key ? low : ~low;
    }
}
