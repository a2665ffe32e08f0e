namespace MiniLM.Data.Duplicates;

/// <summary>The 5-grams of a text's characters, as a set of numbers (Broder 1997).</summary>
internal static class Shingles
{
    /// <summary>Characters (UTF-16 units) of a shingle.</summary>
    internal const int Length = 5;

    /// <summary>The distinct shingles of a text in rising order; of a text shorter than a shingle, the text itself.</summary>
    /// <remarks>Each is mixed into 64 bits; two that differ are the same number once in 2^64.</remarks>
    internal static ulong[] Of(ReadOnlySpan<char> text)
    {
        ulong[] shingles = new ulong[Math.Max(1, text.Length - Length + 1)];
        for (int i = 0; i < shingles.Length; i++) { shingles[i] = Mix(text.Slice(i, Math.Min(Length, text.Length - i))); }
        Array.Sort(shingles);
        int count = 1;
        for (int i = 1; i < shingles.Length; i++)
        {
            if (shingles[i] != shingles[count - 1]) { shingles[count++] = shingles[i]; }
        }
        return shingles[..count];
    }

    // A step of multiplication and shift a character, which is one-to-one in what came before.
    private static ulong Mix(ReadOnlySpan<char> shingle)
    {
        ulong hash = (ulong)shingle.Length;
        foreach (char c in shingle)
        {
            hash = (hash ^ c) * 0x9E3779B97F4A7C15;
            hash ^= hash >> 32;
        }
        return hash;
    }
}
