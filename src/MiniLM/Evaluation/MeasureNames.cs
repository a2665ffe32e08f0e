namespace MiniLM.Evaluation;

/// <summary>Measures by name, in trec_eval's spelling (<c>ndcg_cut_10</c>, <c>P.5,10</c>, <c>all_trec</c>) or that of ir_measures (<c>nDCG@10</c>,
/// <c>P(rel=2)@5</c>).</summary>
internal static class MeasureNames
{
    /// <summary>The measures of some lists, each once. One that is named with parameters (<c>relstring.20</c>) is in no set with its usual ones.</summary>
    /// <param name="lists">Names with commas or blanks between them.</param>
    /// <exception cref="ArgumentException">An unknown name, or a parameter that it has not; or no name at all.</exception>
    internal static Measure[] Parse(IEnumerable<string> lists)
    {
        string[] names = [.. lists.SelectMany(Names)];
        string[] given = [.. names.Where(name => name.Contains('.')).Select(name => name[..name.IndexOf('.')])];
        Measure[] measures = [.. names.SelectMany(name => Find(name, given)).DistinctBy(measure => measure.Name)];
        return measures.Length > 0 ? measures : throw new ArgumentException("no measure is named. Name one, as in nDCG@10");
    }

    private static IEnumerable<Measure> Find(string name, string[] given) => TrecEvalMeasures.Find(name, given) ?? IrMeasures.Find(name)
        ?? throw new ArgumentException($"unknown measure {Quoted.Text(name)}.{NearNames.Suggest(Stem(name), TrecEvalMeasures.Names.Concat(IrMeasures.Names))}");

    /// <summary>A name without its numbers.</summary>
    private static string Stem(string name)
    {
        string stem = name[..(name.IndexOfAny(['@', '(', '.']) is >= 0 and int end ? end : name.Length)];
        return stem.TrimEnd("0123456789".ToCharArray()).TrimEnd('_') is { Length: > 0 } letters ? letters : stem;
    }

    // A comma stands between names, and between parameters of one: what is a number or a pair continues the name before it.
    private static List<string> Names(string list)
    {
        List<string> names = [];
        int start = 0, depth = 0;
        for (int i = 0; i <= list.Length; i++)
        {
            char c = i < list.Length ? list[i] : ',';
            if (c == '(') { depth++; }
            if (c == ')') { depth--; }
            if (i < list.Length && (depth > 0 || !(c == ',' || char.IsWhiteSpace(c)))) { continue; }
            string name = list[start..i];
            start = i + 1;
            if (name.Length == 0) { continue; }
            if (names.Count > 0 && Parameters.IsValue(name)) { names[^1] += "," + name; } else { names.Add(name); }
        }
        return names;
    }
}
