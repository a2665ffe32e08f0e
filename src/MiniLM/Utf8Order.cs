namespace MiniLM;

/// <summary>The order of texts by their UTF-8 bytes, which is that of their code points: surrogates stand above U+E000 to U+FFFF, unlike in UTF-16.</summary>
internal sealed class Utf8Order : IComparer<string>
{
    internal static readonly Utf8Order Instance = new();

    public int Compare(string? x, string? y)
    {
        ReadOnlySpan<char> a = x, b = y;
        int same = a.CommonPrefixLength(b);
        return same == a.Length || same == b.Length ? a.Length.CompareTo(b.Length) : Place(a[same]).CompareTo(Place(b[same]));
    }

    private static int Place(char c) => char.IsSurrogate(c) ? c + 0x10000 : c;
}
