namespace MiniLM.Data.Duplicates;

/// <summary>What a training set gives away of a test set: texts of the one that are, or nearly are, in the other.</summary>
/// <param name="Pairs">By column of the training set, then of the test set.</param>
/// <param name="LeakedRows">Rows of the test set of which any text is in any column of the training set, the same or similar.</param>
internal sealed record Leakage(Leakage.ColumnPair[,] Pairs, int LeakedRows)
{
    /// <summary>Most examples that a pair of columns keeps.</summary>
    internal const int MaxExamples = 5;

    /// <summary>A text of the test set and the first of the training set that is the same or similar, by their rows from 0.</summary>
    internal readonly record struct Example(int TrainRow, int TestRow, double Similarity);

    /// <summary>What a column of the training set gives away of one of the test set.</summary>
    internal sealed class ColumnPair
    {
        /// <summary>Rows of the test set whose text is in the training column.</summary>
        internal int Exact { get; set; }

        /// <summary>Other rows, whose text is similar to one in the training column.</summary>
        internal int Near { get; set; }

        internal List<Example> Examples { get; } = [];
    }

    /// <summary>Compares every column of the one with every column of the other; texts without content are passed over.</summary>
    /// <param name="train">Rows of texts.</param>
    /// <param name="test">Likewise, of the same columns.</param>
    /// <param name="columns">Texts of a row.</param>
    /// <param name="threshold">Least similarity of near duplicates, above 0, at most 1.</param>
    /// <param name="report">Takes the rows looked at so far, a row once a pass; null: nobody.</param>
    /// <param name="cancellation">Looked at for every text.</param>
    internal static Leakage Measure(IReadOnlyList<string[]> train, IReadOnlyList<string[]> test, int columns, double threshold,
        Action<long>? report = null, CancellationToken cancellation = default)
    {
        long rows = 0;
        ShingleCounts counts = new();
        ColumnPair[,] pairs = new ColumnPair[columns, columns];
        bool[] isLeaked = new bool[test.Count];
        for (int column = 0; column < columns; column++)
        {
            foreach ((_, string text) in Texts(train, column).Concat(Texts(test, column))) { counts.Add(text); }
        }
        for (int column = 0; column < columns; column++)
        {
            SimilarTexts known = new(threshold, counts);
            foreach ((int row, string text) in Texts(train, column)) { known.Add(text, row); }
            for (int other = 0; other < columns; other++)
            {
                pairs[column, other] = new ColumnPair();
                foreach ((int row, string text) in Texts(test, other))
                {
                    if (known.Find(text) is { } match) { isLeaked[row] = Count(pairs[column, other], match, row); }
                }
            }
        }
        return new Leakage(pairs, isLeaked.Count(row => row));

        IEnumerable<(int Row, string Text)> Texts(IReadOnlyList<string[]> of, int column)
        {
            for (int row = 0; row < of.Count; row++)
            {
                cancellation.ThrowIfCancellationRequested();
                report?.Invoke(++rows);
                if (!string.IsNullOrWhiteSpace(of[row][column])) { yield return (row, of[row][column]); }
            }
        }
    }

    private static bool Count(ColumnPair pair, SimilarTexts.Match match, int row)
    {
        if (match.IsExact) { pair.Exact++; }
        else { pair.Near++; }
        if (pair.Examples.Count < MaxExamples) { pair.Examples.Add(new Example(match.Id, row, match.Similarity)); }
        return true;
    }
}
