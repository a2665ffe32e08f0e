using System.Globalization;
using System.Reflection;
using System.Text;
using MiniLM.Data;
using MiniLM.Text.Repair;

namespace MiniLM.Text;

/// <summary>Unicode's compatibility decompositions (UAX #15), of normalization forms KC and KD.</summary>
internal static class CompatibilityDecomposition
{
    private static readonly Dictionary<int, string> Decompositions = [];

    static CompatibilityDecomposition()
    {
        int point = 0; // of the line before
        foreach (string line in CompressedResource.Text(Assembly.GetExecutingAssembly(), "nfkd.txt").Split('\n'))
        {
            if (line.Length == 0 || line[0] == '#') { continue; }
            int at = line.IndexOf('='), range = line.IndexOf("..", StringComparison.Ordinal);
            int first = at == 0 ? point + 1 : Hex(line[..(range < 0 ? at : range)]);
            point = range < 0 ? first : Hex(line[(range + 2)..at]);
            string[] parts = line[(at + 1)..].Split(' ');
            for (int offset = 0; first + offset <= point; offset++)
            {
                Decompositions[first + offset] = string.Concat(parts.Select(part => char.ConvertFromUtf32(Hex(part) + offset)));
            }
        }
    }

    /// <summary>Adds a code point's decomposition, itself where it has none.</summary>
    internal static void Decompose(int point, List<int> points)
    {
        if (!Decompositions.TryGetValue(point, out string? parts)) { CanonicalComposition.Decompose(point, points); }
        else
        {
            foreach (Rune part in parts.EnumerateRunes()) { points.Add(part.Value); }
        }
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
