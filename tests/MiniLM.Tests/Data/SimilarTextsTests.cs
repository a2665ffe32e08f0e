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
    public void Jaccard_IsThatOfTheSetsOfFiveCharacters(string a, string b, double expected)
    {
        Assert.Equal(expected, Shingles.Jaccard(Shingles.Of(a), Shingles.Of(b)), 1e-12);
        Assert.Equal(expected, Shingles.Jaccard(Shingles.Of(b), Shingles.Of(a)), 1e-12);
    }

    [Fact]
    public void Shingles_RiseAndAreDistinct()
    {
        ulong[] shingles = Shingles.Of("abcdeabcdeabcde");
        Assert.Equal(5, shingles.Length); // abcde bcdea cdeab deabc eabcd
        Assert.Equal(shingles.Order().Distinct(), shingles);
    }

    [Theory]
    [InlineData(0.3, 128)]
    [InlineData(0.5, 64)]
    [InlineData(0.8, 25)]
    [InlineData(1, 1)]
    public void MinHash_HasAsManyBandsAsTheThresholdNeeds(double threshold, int bands) => Assert.Equal(bands, new MinHash(threshold).Bands);

    [Fact]
    public void MinHash_AgreesAtAsManyPlacesAsTheSetsAreSimilar()
    {
        // With a threshold of 0.01 each place is a band.
        MinHash hash = new(0.01);
        Assert.Equal(MinHash.Places, hash.Bands);
        Random random = new(1);
        foreach (double similarity in (double[])[0.2, 0.5, 0.8])
        {
            double agreed = 0;
            for (int trial = 0; trial < 50; trial++)
            {
                ulong[] shared = Numbers(random, (int)(400 * similarity)), rest = Numbers(random, 400 - shared.Length);
                ulong[] a = new ulong[hash.Bands], b = new ulong[hash.Bands];
                hash.Write([.. shared, .. rest[..(rest.Length / 2)]], a);
                hash.Write([.. shared, .. rest[(rest.Length / 2)..]], b);
                agreed += a.Zip(b).Count(pair => pair.First == pair.Second);
            }
            Assert.InRange(agreed / 50 / hash.Bands, similarity - 0.03, similarity + 0.03);
        }

        static ulong[] Numbers(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (ulong)random.NextInt64())];
    }

    [Fact]
    public void FindOrAdd_FindsWhatComparisonOfAllPairsFinds()
    {
        Random random = new(2);
        List<string> texts = [];
        for (int i = 0; i < 60; i++)
        {
            string text = new([.. Enumerable.Range(0, 80).Select(_ => (char)('a' + random.Next(26)))]);
            // Some letters changed: similarities from 1 down to about 0.3.
            for (int copy = 0; copy < 5; copy++) { texts.Add(copy == 0 ? text : Changed(text, copy * 2, random)); }
        }
        foreach (double threshold in (double[])[0.4, 0.7, 0.9])
        {
            SimilarTexts similar = new(threshold);
            List<int> kept = [];
            for (int i = 0; i < texts.Count; i++)
            {
                int expected = kept.FindIndex(other => texts[other] == texts[i]);
                bool isExact = expected >= 0;
                if (expected < 0) { expected = kept.FindIndex(other => Shingles.Jaccard(Shingles.Of(texts[other]), Shingles.Of(texts[i])) >= threshold); }
                SimilarTexts.Match? match = similar.FindOrAdd(texts[i], i);
                Assert.Equal(expected < 0 ? null : kept[expected], match?.Id);
                if (match is not null) { Assert.Equal(isExact, match.Value.IsExact); }
                if (expected < 0) { kept.Add(i); }
            }
            Assert.InRange(kept.Count, 60, texts.Count - 1);
        }

        static string Changed(string text, int letters, Random random)
        {
            char[] changed = text.ToCharArray();
            for (int i = 0; i < letters; i++) { changed[random.Next(changed.Length)] = '-'; }
            return new string(changed);
        }
    }

    [Fact]
    public void Find_GivesTheFirstOfTheSameTexts_BeforeSimilarOnes()
    {
        SimilarTexts texts = new(0.5);
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
        SimilarTexts texts = new(1 / 3.0);
        texts.Add("abcdef", 1);
        Assert.Equal(new SimilarTexts.Match(1, 1 / 3.0, false), texts.Find("abcdeg"));
        // At 1 only the same shingles are left, and one band.
        SimilarTexts equal = new(1);
        equal.Add("aaaaaa", 2);
        Assert.Equal(new SimilarTexts.Match(2, 1, false), equal.Find("aaaaaaa"));
        Assert.Null(equal.Find("aaaaaab"));
    }

    [Fact]
    public void Deduplication_CountsWhatGoes()
    {
        Deduplication deduplication = new(0.8);
        string[] texts = ["a long text of letters", "A long text of letters", "x", "a long text of letters.", "X"];
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
        Leakage leakage = Leakage.Measure(train, test, 2, 0.8);
        (int, int)[] counts = [.. leakage.Pairs.Cast<Leakage.ColumnPair>().Select(pair => (pair.Exact, pair.Near))];
        Assert.Equal([(0, 0), (1, 1), (1, 0), (0, 0)], counts); // train 0 by test 0 and 1, then train 1
        Assert.Equal(2, leakage.LeakedRows);
        Assert.Equal([(1, 0), (0, 1)], leakage.Pairs[0, 1].Examples.Select(example => (example.TrainRow, example.TestRow)));
    }
}
