using System.Globalization;
using System.Reflection;
using System.Text;
using MiniLM.Data;

namespace MiniLM.Text.Repair;

/// <summary>Unicode's normalization form C (UAX #15). .NET's own asks the system's ICU, or without one leaves text as it is.</summary>
internal static class CanonicalComposition
{
    private const int LeadFirst = 0x1100, VowelFirst = 0x1161, TrailFirst = 0x11A7, SyllableFirst = 0xAC00; // of Hangul; no trail is TrailFirst
    private const int Leads = 19, Vowels = 21, Trails = 28, Syllables = Leads * Vowels * Trails;

    // Of class 0, but not the same in every text of form C.
    private const byte Unsettled = byte.MaxValue;

    // By code point: combining class, or Unsettled; 0: stays as it is whatever follows.
    private static readonly byte[] Classes = new byte[0x30000];
    private static readonly Dictionary<int, string> Decompositions = [];
    private static readonly Dictionary<string, int> Compositions = [];

    static CanonicalComposition()
    {
        for (int vowel = 0; vowel < Vowels; vowel++) { Classes[VowelFirst + vowel] = Unsettled; }
        for (int trail = 1; trail < Trails; trail++) { Classes[TrailFirst + trail] = Unsettled; }
        foreach (string line in CompressedResource.Text(Assembly.GetExecutingAssembly(), "nfc.txt").Split('\n'))
        {
            if (line.Length > 0 && line[0] != '#') { Add(line); }
        }
    }

    /// <summary>The text in form C, the same string where it is that already. Halves of surrogate pairs are not expected.</summary>
    internal static string Normalize(string text)
    {
        if (IsSettled(text)) { return text; }
        List<(int Point, int Change)> points = new(text.Length);
        List<int> parts = [];
        foreach (Rune rune in text.EnumerateRunes())
        {
            parts.Clear();
            Decompose(rune.Value, parts);
            foreach (int part in parts) { points.Add((part, 0)); }
        }
        Order(points);
        Compose(points);
        StringBuilder composed = new(text.Length);
        foreach ((int point, _) in points) { composed.Append(new Rune(point).ToString()); }
        return composed.ToString();
    }

    // "A..B:class", "A=B C" (which compose again) or "A>B C"; what a decomposition holds stands in lines before or after it.
    private static void Add(string line)
    {
        int at = line.AsSpan().IndexOfAny(':', '=', '>');
        string[] range = line[..at].Split("..");
        int first = Hex(range[0]), last = Hex(range[^1]);
        if (line[at] == ':')
        {
            Classes.AsSpan(first, last - first + 1).Fill(byte.Parse(line.AsSpan(at + 1), CultureInfo.InvariantCulture));
            return;
        }
        string[] parts = line[(at + 1)..].Split(' ');
        string decomposition = string.Concat(parts.Select(part => char.ConvertFromUtf32(Hex(part))));
        Decompositions[first] = decomposition;
        if (line[at] == '=')
        {
            Compositions[decomposition] = first;
            first = Hex(parts[1]);
        }
        if (Classes[first] == 0) { Classes[first] = Unsettled; }
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static int Class(int point) => IsSettled(point) || Classes[point] == Unsettled ? 0 : Classes[point];

    private static bool IsSettled(int point) => point >= Classes.Length || Classes[point] == 0;

    private static bool IsSettled(string text)
    {
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (!IsSettled(rune.Value)) { return false; }
        }
        return true;
    }

    /// <summary>Adds a code point's canonical decomposition, itself where it has none.</summary>
    internal static void Decompose(int point, List<int> points)
    {
        int syllable = point - SyllableFirst;
        if (syllable is >= 0 and < Syllables)
        {
            points.AddRange([LeadFirst + syllable / (Vowels * Trails), VowelFirst + syllable / Trails % Vowels]);
            if (syllable % Trails > 0) { points.Add(TrailFirst + syllable % Trails); }
        }
        else if (Decompositions.TryGetValue(point, out string? parts))
        {
            foreach (Rune part in parts.EnumerateRunes()) { Decompose(part.Value, points); }
        }
        else { points.Add(point); }
    }

    /// <summary>Canonical ordering: each run of marks by class; marks of a class keep their order.</summary>
    /// <param name="points">Code points, each with a number that goes with it.</param>
    internal static void Order(List<(int Point, int Change)> points)
    {
        for (int at = 0; at < points.Count; at++)
        {
            int end = at;
            bool isOrdered = true;
            for (int own, last = 0; end < points.Count && (own = Class(points[end].Point)) > 0; end++, last = own) { isOrdered &= last <= own; }
            if (!isOrdered) { Order(points, at, end); }
            at = end;
        }
    }

    private static void Order(List<(int Point, int Change)> points, int at, int end)
    {
        List<(int Point, int Change)> run = points.GetRange(at, end - at);
        for (int own = 1; own < Unsettled; own++) // not many, however long the run
        {
            foreach ((int Point, int Change) point in run)
            {
                if (Class(point.Point) == own) { points[at++] = point; }
            }
        }
    }

    /// <summary>Canonical composition: each character goes into the last one of class 0, unless one of its own class or a higher one, or of class 0, stands
    /// between. Of two that become one the numbers are added, less one.</summary>
    internal static void Compose(List<(int Point, int Change)> points)
    {
        (int count, int starter, int last) = (0, -1, -1); // kept so far; index of the last of class 0; class of what was kept after it, or -1
        for (int at = 0; at < points.Count; at++)
        {
            (int point, int change) = points[at];
            int own = Class(point);
            if (starter >= 0 && last < own && Composite(points[starter].Point, point) is var composite and > 0)
            {
                points[starter] = (composite, points[starter].Change + change - 1);
                continue;
            }
            (starter, last) = own == 0 ? (count, -1) : (starter, own);
            points[count++] = (point, change);
        }
        points.RemoveRange(count, points.Count - count);
    }

    // 0: there is none.
    private static int Composite(int first, int second)
    {
        int lead = first - LeadFirst, vowel = second - VowelFirst, syllable = first - SyllableFirst, trail = second - TrailFirst;
        if (lead is >= 0 and < Leads && vowel is >= 0 and < Vowels) { return SyllableFirst + (lead * Vowels + vowel) * Trails; }
        if (syllable is >= 0 and < Syllables && syllable % Trails == 0 && trail is > 0 and < Trails) { return first + trail; }
        return IsSettled(second) ? 0 : Compositions.GetValueOrDefault(char.ConvertFromUtf32(first) + char.ConvertFromUtf32(second));
    }
}
