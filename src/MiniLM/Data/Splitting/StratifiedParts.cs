using MiniLM.Training.Sampling;

namespace MiniLM.Data.Splitting;

/// <summary>Deals rows to parts of given sizes so that each part has the values of a column in the proportion of the whole.</summary>
/// <remarks>
/// As scikit-learn's train_test_split(stratify) apportions, part after part from what is left: the whole number below size x count / rows of each value,
/// and one more for those with the greatest fractions until the size is reached. Which rows of a value go where, and which of equal fractions
/// are first, are orders that <see cref="Permutations"/> draws: a function of the seed, on every machine.
/// </remarks>
internal static class StratifiedParts
{
    /// <summary>No part: of rows that no size asked for.</summary>
    internal const int None = -1;

    /// <summary>The part of each row.</summary>
    /// <param name="values">Per row the number of its value, from 0 without gaps; all 0: there is no column.</param>
    /// <param name="sizes">Of the parts, at most as many rows as there are together.</param>
    /// <param name="seed">Of the orders.</param>
    internal static int[] Deal(IReadOnlyList<int> values, IReadOnlyList<int> sizes, ulong seed)
    {
        Permutations permutations = new(seed, 0);
        List<int>[] rows = RowsByValue(values, permutations);
        int[] parts = new int[values.Count], dealt = new int[rows.Length];
        Array.Fill(parts, None);
        for (int part = 0; part < sizes.Count; part++)
        {
            int[] shares = Apportion([.. rows.Select((of, value) => of.Count - dealt[value])], sizes[part], permutations.Next(rows.Length));
            for (int value = 0; value < rows.Length; value++)
            {
                for (int i = 0; i < shares[value]; i++) { parts[rows[value][dealt[value]++]] = part; }
            }
        }
        return parts;
    }

    /// <summary>A share of each count, together <paramref name="size"/>.</summary>
    /// <param name="counts">Together at least the size.</param>
    /// <param name="size">How many are drawn.</param>
    /// <param name="order">Of counts with equal fractions.</param>
    internal static int[] Apportion(int[] counts, int size, int[] order)
    {
        long rows = Math.Max(1, counts.Sum(count => (long)count));
        int[] shares = Array.ConvertAll(counts, count => (int)((long)count * size / rows));
        int missing = size - shares.Sum();
        foreach (int value in order.OrderByDescending(value => (long)counts[value] * size % rows).Take(missing)) { shares[value]++; } // a stable sort
        return shares;
    }

    private static List<int>[] RowsByValue(IReadOnlyList<int> values, Permutations permutations)
    {
        List<int>[] rows = new List<int>[values.Count == 0 ? 0 : values.Max() + 1];
        for (int value = 0; value < rows.Length; value++) { rows[value] = []; }
        foreach (int row in permutations.Next(values.Count)) { rows[values[row]].Add(row); }
        return rows;
    }
}
