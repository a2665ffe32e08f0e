using System.Runtime.InteropServices;
using MiniLM.Data.Duplicates;

namespace MiniLM.Tests.Data;

public class SimilarTextsTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData(" \t\n", "")]
    [InlineData("  A \u00a0 B\r\n", "a b")]
    [InlineData("E\u0301", "\u00e9")]
    [InlineData("\u00c9", "\u00e9")]
    [InlineData("ΣΑΣ", "σασ")]
    [InlineData("σας", "σασ")]
    [InlineData("ſ µ", "s μ")]
    public void ComparableText_FoldsCaseFormAndWhiteSpace(string text, string expected) => Assert.Equal(expected, ComparableText.Of(text));

    [Theory]
    [InlineData("", "", 1)]
    [InlineData("abc", "abc", 1)]
    [InlineData("abc", "abd", 0)]
    [InlineData("abcde", "abcd", 0)]
    [InlineData("abcdef", "abcdeg", 1.0 / 3)] // abcde bcdef | abcde bcdeg
    [InlineData("abcdefg", "bcdefg", 2.0 / 3)]
    [InlineData("aaaaaaaa", "aaaaa", 1)]
    [InlineData("abcdefgh", "ijklmnop", 0)]
    public void Similarity_IsJaccardsOfTheSetsOfFiveCharacters(string a, string b, double expected)
    {
        ShingleCounts counts = Counts([a, b]);
        OrderedShingles first = OrderedShingles.Of(a, counts), second = OrderedShingles.Of(b, counts);
        if (expected > 0)
        {
            Assert.Equal(expected, first.Similarity(second, expected));
            Assert.Equal(expected, second.Similarity(first, expected));
        }
        Assert.Null(first.Similarity(second, Math.BitIncrement(expected)));
        Assert.Null(second.Similarity(first, Math.BitIncrement(expected)));
        Assert.Equal(expected, Jaccard(Set(a), Set(b)), 1e-15);
    }

    [Fact]
    public void Shingles_RiseAndAreDistinct()
    {
        ulong[] shingles = Shingles.Of("abcdeabcdeabcde");
        Assert.Equal(5, shingles.Length); // abcde bcdea cdeab deabc eabcd
        Assert.Equal(shingles.Order().Distinct(), shingles);
    }

    [Fact]
    public void ShingleCounts_CountTextsUpToTheirLimit()
    {
        ShingleCounts counts = Counts(["abcdeabcde", "abcde"]);
        Assert.Equal((2, 1), (counts.Of(Shingles.Of("abcde")[0]), counts.Of(Shingles.Of("bcdea")[0])));
        for (int i = 0; i < ushort.MaxValue; i++) { counts.Add("ABCDE"); }
        Assert.Equal(ushort.MaxValue, counts.Of(Shingles.Of("abcde")[0]));
    }

    [Theory]
    [InlineData(0.5, 6)]
    [InlineData(0.8, 3)] // 8 of the 10 must be shared, so one of any 3
    [InlineData(0.85, 2)]
    [InlineData(1, 1)]
    [InlineData(0.001, 10)]
    [InlineData(1e-9, 10)]
    public void Prefix_HasOneShingleOfATextThatSharesSoMany(double share, int expected)
    {
        string text = "abcdefghijklmn"; // 10 shingles
        OrderedShingles shared = OrderedShingles.Of(text, Counts([text, text])), twice = OrderedShingles.Of(text, Counts([text, "efghijklmn"]));
        Assert.Equal(expected, shared.Prefix(share).Length);
        Assert.Equal(Math.Max(0, expected - 4), twice.Prefix(share).Length); // 4 are in no other text: they come first, and are left out
        Assert.Equal((10, 10), (shared.Size, twice.Size));
        Assert.Empty(OrderedShingles.Of(text, Counts([text])).Prefix(share).ToArray());
    }

    [Fact]
    public void Prefix_BeginsWithTheRarestShingles()
    {
        ShingleCounts counts = Counts(["abcdefgh", "abcdefgh", "bcdefgh", "cdefgh"]); // abcde: 2, bcdef: 3, cdefg and defgh: 4
        ulong[] prefix = OrderedShingles.Of("abcdefgh", counts).Prefix(0.1).ToArray();
        Assert.Equal([2, 3, 4, 4], prefix.Select(shingle => (int)(shingle >> 48)));
        Assert.Equal(prefix.Order(), prefix);
    }

    [Fact]
    public void ShingleIndex_GivesAShinglesTextsInTheirOrder()
    {
        ShingleIndex index = new();
        index.Add([5, 7], 0);
        index.Add([7], 1);
        index.Add([6, 7], 3);
        Assert.Equal([0], index.Texts(5));
        Assert.Equal([3], index.Texts(6));
        Assert.Equal([0, 1, 3], index.Texts(7));
        Assert.Empty(index.Texts(8));
        Assert.Equal((4, 0, 0), (index.Count([5, 7, 8]), index.Count([8]), index.Count([])));
    }

    [Fact]
    public void ShingleSketch_RulesOutOnlyWhatDiffersTooMuch()
    {
        Random random = new(4);
        ulong[] numbers = [.. Enumerable.Range(0, 300).Select(_ => (ulong)random.NextInt64() << 1 ^ (ulong)random.NextInt64())];
        foreach (int common in (int[])[0, 50, 100, 150, 180, 200])
        {
            ShingleSketch a = new(numbers.AsSpan(0, 200)), b = new(numbers.AsSpan(200 - common, 200 - (200 - common) / 2));
            int size = 200 - (200 - common) / 2, different = 200 + size - 2 * common;
            Assert.True(a.MayBeSimilar(b, (double)different / (200 + size)));
            Assert.False(a.MayBeSimilar(b, 0.5 * different / (200 + size)) && different > 0); // hardly two of a few shingles turn the same bit
        }
        // Sizes alone: 3 of 4 differ at the least.
        ShingleSketch one = new(numbers.AsSpan(0, 1)), four = new(numbers.AsSpan(0, 4));
        Assert.Equal((true, false, false), (one.MayBeSimilar(four, 3 / 5.0), one.MayBeSimilar(four, 0.59), four.MayBeSimilar(one, 0.59)));
        // Two shingles of one bit: nothing is left of them but the size.
        ShingleSketch none = new([]), both = new([5, 5 + (1 << 20)]);
        Assert.Equal((true, false), (both.MayBeSimilar(none, 1), both.MayBeSimilar(none, 0.99)));
        Assert.True(new ShingleSketch([5, 5 + (1 << 20), 7, 8]).MayBeSimilar(new ShingleSketch([7, 8, 9, 10]), 0.25));
    }

    [Fact]
    public void TextsOfFewParts_AreRuledOutByTheirSketches()
    {
        Random random = new(5);
        string[] parts = [.. Enumerable.Range(0, 30).Select(_ => new string([.. Enumerable.Range(0, 40).Select(_ => (char)('a' + random.Next(26)))]))];
        string[] rows = [.. Enumerable.Range(0, 2000).Select(_ => string.Concat(random.GetItems(parts, 8)))];
        Deduplication deduplication = new(0.8, Counts(rows));
        Assert.InRange(rows.Count(deduplication.Keep), 1900, rows.Length);
        Assert.InRange(deduplication.Compared, 0, rows.Length); // of 2 million pairs
    }

    [Fact]
    public void FindOrAdd_FindsWhatComparisonOfAllPairsFinds()
    {
        Random random = new(2);
        List<string> texts = [];
        for (int i = 0; i < 60; i++)
        {
            string text = new([.. Enumerable.Range(0, 80).Select(_ => (char)('a' + random.Next(26)))]);
            // Some letters changed, some cut off or added: similarities from 1 down to about 0.2, of texts of many lengths.
            for (int copy = 0; copy < 8; copy++) { texts.Add(copy == 0 ? text : Changed(text, copy, random)); }
        }
        // Made of few parts, none of which is rare.
        string[] parts = [.. Enumerable.Range(0, 9).Select(i => texts[8 * i][..16])];
        for (int i = 0; i < 100; i++) { texts.Add(string.Concat(random.GetItems(parts, 6))); }
        random.Shuffle(CollectionsMarshal.AsSpan(texts));
        HashSet<string>[] sets = [.. texts.Select(Set)];
        double[][] similarities = [.. sets.Select((set, i) => sets.Take(i).Select(other => Jaccard(set, other)).ToArray())];
        foreach (double threshold in (double[])[0.2, 1 / 3.0, 0.5, 0.7, 0.8, 0.9, 1])
        {
            SimilarTexts similar = new(threshold, Counts(texts)), all = new(threshold, Counts(texts));
            List<int> kept = [];
            for (int i = 0; i < texts.Count; i++)
            {
                Assert.Equal(First(kept, i, threshold), similar.FindOrAdd(texts[i], i));
                Assert.Equal(First([.. Enumerable.Range(0, i)], i, threshold), all.Find(texts[i]));
                all.Add(texts[i], i);
                if (First(kept, i, threshold) is null) { kept.Add(i); }
            }
            Assert.InRange(kept.Count, 60, threshold < 1 ? texts.Count - 1 : texts.Count);
        }

        static string Changed(string text, int copy, Random random)
        {
            if (copy == 1) { return text + text[..4]; } // the same shingles but for five
            char[] changed = text.ToCharArray();
            for (int i = 0; i < copy; i++) { changed[random.Next(changed.Length)] = '-'; }
            return random.Next(3) switch
            {
                0 => new string(changed)[..random.Next(20, 80)],
                1 => new string(changed) + new string('x', random.Next(30)) + text[..random.Next(40)],
                _ => new string(changed),
            };
        }

        SimilarTexts.Match? First(List<int> among, int i, double threshold)
        {
            int same = among.FindIndex(other => texts[other] == texts[i]), near = among.FindIndex(other => similarities[i][other] >= threshold);
            return same >= 0 ? new SimilarTexts.Match(among[same], 1, true)
                : near >= 0 ? new SimilarTexts.Match(among[near], similarities[i][among[near]], false) : null;
        }
    }

    [Theory]
    [InlineData(8)] // nearly equal: every row goes with the first
    [InlineData(30)] // similarity 0.77, of which nothing goes
    [InlineData(200)] // 0.33
    public void Boilerplate_IsComparedOnlyWhereItMayBeSimilar(int own)
    {
        string boilerplate = string.Concat(Enumerable.Range(0, 40).Select(i => $"sentence {i} "));
        Random random = new(3);
        string[] rows = [.. Enumerable.Range(0, 3000)
            .Select(_ => boilerplate[..250] + new string([.. Enumerable.Range(0, own).Select(_ => (char)random.Next(0x4e00, 0x9000))]))];
        Deduplication deduplication = new(0.8, Counts(rows));
        int kept = rows.Count(deduplication.Keep);
        Assert.Equal(own < 10 ? 1 : rows.Length, kept);
        Assert.InRange(deduplication.Compared, 0, rows.Length); // of 4.5 million pairs
    }

    [Fact]
    public void Find_GivesTheFirstOfTheSameTexts_BeforeSimilarOnes()
    {
        SimilarTexts texts = new(0.5, Counts(["abcdefghijklmnop", "abcdefghijklmnoq", "ABCDEFGHIJKLMNOQ", "abcdefghijklmnor"]));
        texts.Add("abcdefghijklmnop", 3);
        texts.Add("abcdefghijklmnoq", 4);
        texts.Add("ABCDEFGHIJKLMNOQ", 5);
        Assert.Equal(new SimilarTexts.Match(4, 1, true), texts.Find("abcdefghijklmnoq "));
        Assert.Equal(3, texts.Find("abcdefghijklmnor")!.Value.Id);
        Assert.Null(texts.Find("something else altogether"));
        Assert.Null(texts.Find(""));
    }

    [Fact]
    public void Find_TakesTheThresholdItself()
    {
        SimilarTexts texts = new(1 / 3.0, Counts(["abcdef", "abcdeg"]));
        texts.Add("abcdef", 1);
        Assert.Equal(new SimilarTexts.Match(1, 1 / 3.0, false), texts.Find("abcdeg"));
        // At 1 only the same shingles are left.
        SimilarTexts equal = new(1, Counts(["aaaaaa", "aaaaaaa", "aaaaaab"]));
        equal.Add("aaaaaa", 2);
        Assert.Equal(new SimilarTexts.Match(2, 1, false), equal.Find("aaaaaaa"));
        Assert.Null(equal.Find("aaaaaab"));
    }

    [Fact]
    public void Deduplication_CountsWhatGoes()
    {
        string[] texts = ["a long text of letters", "A long text of letters", "x", "a long text of letters.", "X"];
        Deduplication deduplication = new(0.8, Counts(texts));
        Assert.Equal([true, false, true, false, false], texts.Select(deduplication.Keep));
        Assert.Equal((2, 2, 1), (deduplication.Kept, deduplication.Exact, deduplication.Near));
    }

    [Fact]
    public void Leakage_KeepsAFewExamples()
    {
        string[][] rows = [.. Enumerable.Range(0, Leakage.MaxExamples + 2).Select(i => new[] { $"{i}" })];
        Leakage leakage = Leakage.Measure(rows, [.. rows.Reverse()], 1, 0.9);
        Assert.Equal((rows.Length, rows.Length, 0), (leakage.LeakedRows, leakage.Pairs[0, 0].Exact, leakage.Pairs[0, 0].Near));
        Assert.Equal(Enumerable.Range(0, Leakage.MaxExamples).Select(i => new Leakage.Example(rows.Length - 1 - i, i, 1)), leakage.Pairs[0, 0].Examples);
        Assert.Equal(0, Leakage.Measure([], rows, 1, 0.9).LeakedRows);
    }

    [Fact]
    public void Leakage_ComparesEveryColumnWithEveryColumn()
    {
        string[][] train = [["a long text of letters", "x"], ["y", "z"], ["p", " "]], test = [["z", "y"], ["new", "A long text of letters!"], [" ", "other"]];
        List<long> reported = [];
        Leakage leakage = Leakage.Measure(train, test, 2, 0.8, reported.Add);
        (int, int)[] counts = [.. leakage.Pairs.Cast<Leakage.ColumnPair>().Select(pair => (pair.Exact, pair.Near))];
        Assert.Equal([(0, 0), (1, 1), (1, 0), (0, 0)], counts); // train 0 by test 0 and 1, then train 1
        Assert.Equal(2, leakage.LeakedRows);
        // Counted: both columns of 3 + 3 rows. Compared: both of the training set's, and with each of them both of the test set's.
        Assert.Equal(Enumerable.Range(1, 2 * 6 + 2 * 3 + 2 * 2 * 3).Select(row => (long)row), reported);
        Assert.Equal([(1, 0), (0, 1)], leakage.Pairs[0, 1].Examples.Select(example => (example.TrainRow, example.TestRow)));
    }

    private static ShingleCounts Counts(IEnumerable<string> texts)
    {
        ShingleCounts counts = new();
        foreach (string text in texts) { counts.Add(text); }
        return counts;
    }

    // By its definition.
    private static double Jaccard(HashSet<string> a, HashSet<string> b)
    {
        int common = a.Count(b.Contains);
        return (double)common / (a.Count + b.Count - common);
    }

    private static HashSet<string> Set(string text) =>
        [.. Enumerable.Range(0, Math.Max(1, text.Length - Shingles.Length + 1)).Select(i => text.Substring(i, Math.Min(Shingles.Length, text.Length - i)))];
}
