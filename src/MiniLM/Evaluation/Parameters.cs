using System.Globalization;

namespace MiniLM.Evaluation;

/// <summary>Numbers in the names of measures.</summary>
internal static class Parameters
{
    private const NumberStyles Decimal = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    /// <summary>Whether it is a number, or a grade's gain (1=3.5): no name of a measure is.</summary>
    internal static bool IsValue(string text) => double.TryParse(text[(text.IndexOf('=') + 1)..], Decimal, CultureInfo.InvariantCulture, out _);

    /// <summary>Depths of a ranking in ascending order.</summary>
    /// <exception cref="ArgumentException">One is no whole number from 1, or is there twice.</exception>
    internal static int[] Cutoffs(string measure, string list)
    {
        int[] cutoffs = [.. list.Split(',').Select(text => Cutoff(measure, text)).Order()];
        return cutoffs.Distinct().Count() == cutoffs.Length ? cutoffs : throw new ArgumentException($"{measure}: a cutoff is there twice in {list}");
    }

    /// <summary>A depth of a ranking, or a grade: <paramref name="what"/> names it.</summary>
    internal static int Cutoff(string measure, string text, string what = "cutoff") =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int cutoff) && cutoff > 0 ? cutoff
            : throw new ArgumentException($"{measure}: the {what} {Quoted.Text(text)} is not a whole number from 1");

    internal static double Number(string measure, string text) =>
        double.TryParse(text, Decimal, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) ? number
            : throw new ArgumentException($"{measure}: {Quoted.Text(text)} is not a number");

    /// <summary>A number from 0 to 1.</summary>
    internal static double Share(string measure, string text) =>
        Number(measure, text) is >= 0 and <= 1 and double share ? share : throw new ArgumentException($"{measure}: {text} is not from 0 to 1");

    /// <summary>Pairs of a name and a number.</summary>
    /// <param name="measure">For messages.</param>
    /// <param name="list">1=3.5,2=9</param>
    /// <param name="sign">Between the two: '=' or ':'.</param>
    internal static Dictionary<string, double> Pairs(string measure, string list, char sign)
    {
        Dictionary<string, double> pairs = new(StringComparer.Ordinal);
        foreach (string pair in list.Split(',', StringSplitOptions.TrimEntries))
        {
            string[] sides = pair.Split(sign, StringSplitOptions.TrimEntries);
            if (sides.Length != 2 || !pairs.TryAdd(sides[0], Number(measure, sides[^1])))
            {
                throw new ArgumentException($"{measure}: {Quoted.Text(list)} is no list of different names with a number each, as 1{sign}3.5,2{sign}9");
            }
        }
        return pairs;
    }

    /// <summary>Gains of grades.</summary>
    internal static Gains Gains(string measure, Dictionary<string, double> pairs)
    {
        Dictionary<int, double> worth = [];
        foreach ((string name, double gain) in pairs)
        {
            worth[int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int grade) ? grade
                : throw new ArgumentException($"{measure}: {Quoted.Text(name)} is not a grade")] = gain;
        }
        return Evaluation.Gains.Of(worth);
    }
}
