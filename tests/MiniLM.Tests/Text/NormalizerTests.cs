using System.Text.Json.Nodes;
using MiniLM.Text;

namespace MiniLM.Tests.Text;

/// <summary>Hugging Face's normalizers and pre-tokenizers beside those of BERT; places by the rules of its NormalizedString.</summary>
public sealed class NormalizerTests
{
    private static readonly NormalizerStep Nfd = new UnicodeFormStep(isComposed: false, isCompatible: false),
        Nfc = new UnicodeFormStep(isComposed: true, isCompatible: false), Nfkd = new UnicodeFormStep(isComposed: false, isCompatible: true),
        Nfkc = new UnicodeFormStep(isComposed: true, isCompatible: true), Lower = new LowercaseStep(), Strip = new StripAccentsStep();

    public static TheoryData<string, string, string, string> Steps => new()
    {
        { "NFD", "\u00e9x", "e\u0301x", "0-1 0-1 1-2" },
        { "NFD", "\uac01", "\u1100\u1161\u11a8", "0-1 0-1 0-1" },
        { "NFD", "q\u0304\u302f", "q\u302f\u0304", "0-1 1-2 2-3" }, // the mark that moves does not take its place along
        { "NFD", "\u212b\u00bd", "A\u030a\u00bd", "0-1 0-1 1-2" },
        { "NFD", "\ud834\udd5e!", "\ud834\udd57\ud834\udd65!", "0-2 0-2 2-3" },
        { "NFC", "e\u0301x", "\u00e9x", "0-1 2-3" },
        { "NFC", "a\u0323\u0302", "\u1ead", "0-1" },
        { "NFC", "a\u0302\u0323!", "\u1ead!", "0-1 3-4" },
        { "NFC", "\u1100\u1161\u11a8", "\uac01", "0-1" },
        { "NFKD", "\ufb01\u00bd", "fi1\u20442", "0-1 0-1 1-2 1-2 1-2" },
        { "NFKC", "\uff21\u00e9\u2460", "A\u00e91", "0-1 1-2 2-3" },
        { "NFKC", "\uff76\uff9e!", "\u30ac!", "0-1 2-3" },
        { "Lowercase", "A\u0130\u00df", "ai\u0307\u00df", "0-1 1-2 1-2 2-3" },
        { "Lowercase", "\ud801\udc00Z", "\ud801\udc28z", "0-2 2-3" },
        { "StripAccents", "e\u0301\u00e9\u0903\u20dd!", "e\u00e9!", "0-1 2-3 5-6" },
    };

    [Theory, MemberData(nameof(Steps))]
    public void Step_ChangesTextAndPlaces(string name, string text, string expected, string origins)
    {
        NormalizerStep step = name switch { "NFD" => Nfd, "NFC" => Nfc, "NFKD" => Nfkd, "NFKC" => Nfkc, "Lowercase" => Lower, _ => Strip };
        Check(step.Apply(new AlignedText(text, 0)), expected, origins);
        Check(step.Apply(new AlignedText(text, 7)), expected, string.Join(' ', origins.Split(' ').Select(origin => Shifted(origin, 7))));
    }

    [Theory]
    [InlineData("cabab", "ab", "x", "cxx", "0-1 2-3 4-5")]
    [InlineData("cabab", "ab", "xyz", "cxyzxyz", "0-1 2-3 2-3 2-3 4-5 4-5 4-5")]
    [InlineData("aaab", "aa", "", "ab", "2-3 3-4")]
    [InlineData("ab", "abc", "x", "ab", "0-1 1-2")]
    public void Replace_PutsTheNewWhereTheOldEnded(string text, string pattern, string content, string expected, string origins) =>
        Check(new ReplaceStep(Points(pattern), Points(content)).Apply(new AlignedText(text, 0)), expected, origins);

    // Lines by Oniguruma's rule; a character beyond U+FFFF is one; an empty match inserts, but not where another ended.
    [Theory]
    [InlineData("a  b   c", " {2,}", "_", "a_b_c", "0-1 2-3 3-4 6-7 7-8")]
    [InlineData("aab", "a+|b", "xy", "xyxy", "1-2 1-2 2-3 2-3")]
    [InlineData("abc", "[^b]", "", "b", "1-2")]
    [InlineData("A1", "(?i)a\\d", "$0", "$0", "1-2 1-2")]
    [InlineData("a\nb", "^b", "x", "a\nx", "0-1 1-2 2-3")]
    [InlineData("\ud83d\ude00a", "[^a]", "-", "-a", "0-2 2-3")]
    [InlineData("axb", "x*", "-", "-a-b-", "0-0 0-1 1-2 2-3 2-3")]
    [InlineData("[a]b", "\\[[a-z]\\]", "", "b", "3-4")]
    [InlineData("a{,2}\ud83d\ude00", "\\{,2}|\ud83d\ude00|b", "-", "a--", "0-1 4-5 5-7")]
    [InlineData("\ud83d\ude00\ud83d\ude00a\ud83d\ude01", "[a\ud83d\ude00]+", "-", "-\ud83d\ude01", "4-5 5-7")]
    [InlineData("\ud83d\ude00\ud83d\ude01a", ".{2}", "-", "-a", "2-4 4-5")]
    [InlineData("\u0915\u093f \u2160\u24b6-\u00b2", "[^\\w\\s]", "", "\u0915\u093f \u2160\u24b6", "0-1 1-2 2-3 3-4 4-5")]
    [InlineData("\u0915\u093f-\u2160\u24b6\u00b2", "\\w+", "x", "x-x", "1-2 2-3 5-6")]
    [InlineData("\ud840\udc00\ud835\udfd8\ud83c\udd70!\ud83d\ude00", "\\W", "", "\ud840\udc00\ud835\udfd8\ud83c\udd70", "0-2 2-4 4-6")]
    [InlineData("\ud840\udc00\ud835\udfd8", "\\p{Nd}", "0", "\ud840\udc000", "0-2 2-4")]
    [InlineData("the other the\u093f \ud835\udfd8the the\u2160", "\\bthe\\b", "|", "| other the\u093f \ud835\udfd8the the\u2160",
        "2-3 3-4 4-5 5-6 6-7 7-8 8-9 9-10 10-11 11-12 12-13 13-14 14-15 15-17 17-18 18-19 19-20 20-21 21-22 22-23 23-24 24-25")]
    [InlineData("a\u00b2 a\u200d", "\\b", "|", "|a\u00b2| |a|\u200d", "0-0 0-1 1-2 1-2 2-3 2-3 3-4 3-4 4-5")]
    public void Replace_TakesExpressions(string text, string expression, string content, string expected, string origins) =>
        Check(PatternStep.TryCreate(expression, Points(content))!.Apply(new AlignedText(text, 0)), expected, origins);

    [Fact]
    public void Bert_AmongOthersKeepsPlaces()
    {
        BertStep bert = new(new BertNormalizer(CleanText: true, HandleChineseChars: true, StripAccents: true, Lowercase: true));
        // Fullwidth A, a control character, a Chinese one, an emoji, E with an accent.
        AlignedText text = Nfkc.Apply(new AlignedText("\uff21\u0001\u4e2d\ud83d\ude00\u00c9", 0));
        Check(bert.Apply(text), "a \u4e2d \ud83d\ude00e", "0-1 2-3 2-3 2-3 3-5 5-6");
    }

    // U+302F is of class Mc: accents' stripping keeps it, and canonical ordering moves it before U+0304, whose place it takes.
    [Theory]
    [InlineData("q\u0304\u302f", "0-2")]
    [InlineData("\u0304\u302f x", "0-1 3-4")]
    [InlineData("a\u302f\u0304 x", "0-2 4-5")]
    [InlineData("\u00e9\u302f b", "0-2 3-4")]
    public void Bert_GivesAMarkThatMovesTheFirstPlace(string text, string offsets)
    {
        TokenEncoding encoding = TokenizerFixture.Load().Encode(text);
        Assert.Equal(offsets, string.Join(' ', encoding.Offsets[1..^1].Select(offset => $"{offset.Start}-{offset.End}")));
    }

    [Fact]
    public void Of_MakesOneBertNormalizerWhereItCan()
    {
        BertStep cased = new(new BertNormalizer(true, true, false, false));
        BertNormalizer lowered = cased.Normalizer with { Lowercase = true };
        foreach (NormalizerStep[] steps in new NormalizerStep[][] { [Lower, cased], [cased, Lower], [Lower, cased, Lower] })
        {
            Normalizer one = Normalizer.Of(steps);
            Assert.Equal((0, lowered), (one.Steps.Length, one.Bert));
        }
        Assert.Equal(BertNormalizer.None with { Lowercase = true }, Normalizer.Of([Lower]).Bert);
        Assert.Equal(2, Normalizer.Of([cased, Strip]).Steps.Length);
        Assert.Equal(2, Normalizer.Of([cased, cased]).Steps.Length);
        Assert.Equal(lowered, new Normalizer(cased.Normalizer).AfterLowercase().Bert);
        NormalizerStep[] behind = new Normalizer(BertNormalizer.None, Nfd).AfterLowercase().Steps;
        Assert.Equal((2, Nfd), (behind.Length, behind[1]));
        Assert.IsType<LowercaseStep>(behind[0]);
        Assert.Equal([Nfd, Lower], new Normalizer(BertNormalizer.None, Nfd, Lower).AfterLowercase().Steps); // it is there
    }

    [Theory]
    [InlineData("""{"type":"Whitespace"}""", "CAF\u00c9, the!?", "cafe , the [UNK]", "0-4 4-5 6-9 9-11")]
    [InlineData("""{"type":"Whitespace"}""", "a_b!cat", "[UNK] ! cat", "0-3 3-4 4-7")]
    [InlineData("""{"type":"WhitespaceSplit"}""", "the cat! \u3000sat", "the [UNK] sat", "0-3 4-8 10-13")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"BertPreTokenizer"}]}""", "the cat!?", "the cat ! ?",
        "0-3 4-7 7-8 8-9")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"Whitespace"}]}""", "the.cat", "the . cat", "0-3 3-4 4-7")]
    public void PreTokenizer_SaysWhereWordsEnd(string preTokenizer, string text, string tokens, string offsets)
    {
        WordPieceTokenizer tokenizer = TokenizerFixture.LoadChanged(root =>
        {
            root["normalizer"] = JsonNode.Parse("""{"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"Lowercase"},{"type":"StripAccents"}]}""");
            root["pre_tokenizer"] = JsonNode.Parse(preTokenizer);
            root["post_processor"] = new JsonObject { ["type"] = "Sequence", ["processors"] = new JsonArray(root["post_processor"]!.DeepClone()) };
        });
        TokenEncoding encoding = tokenizer.Encode(text);
        Assert.Equal($"[CLS] {tokens} [SEP]", string.Join(' ', encoding.Tokens));
        Assert.Equal(offsets, string.Join(' ', encoding.Offsets[1..^1].Select(offset => $"{offset.Start}-{offset.End}")));
        Assert.Equal(encoding.Ids, TokenizerGolden.FastIds(tokenizer, text));
    }

    // Longer than the pieces that texts are cut into, with a pattern that spaces are part of.
    [Theory]
    [InlineData("String", " b")]
    [InlineData("Regex", "\\sb")]
    public void Replace_ReachesAcrossSpaces(string kind, string pattern)
    {
        WordPieceTokenizer tokenizer = TokenizerFixture.LoadChanged(root => root["normalizer"] =
            new JsonObject { ["type"] = "Replace", ["pattern"] = new JsonObject { [kind] = pattern }, ["content"] = "b" });
        string text = string.Concat(Enumerable.Repeat("a b ", 1000));
        int[] ids = TokenizerGolden.FastIds(tokenizer, text);
        Assert.Equal(tokenizer.Encode(text).Ids, ids);
        Assert.Equal(2 + 2 * 1000, ids.Length); // "ab" is "a", "##b"
    }

    [Theory]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Glob":"a*"},"content":""}""", "normalizer.pattern is '{\"Glob\":\"a*\"}'")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"a("},"content":""}""",
        "normalizer.pattern is {\"Regex\":\"a(\"}; expected an expression")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"a(?=b)"},"content":""}""", "without lookaround")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"(a)\\1"},"content":""}""", "back-references")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"[[:space:]]"},"content":""}""", "nested classes")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"[a-z&&[^b]]"},"content":""}""", "nested classes")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"(?im:a.b)"},"content":""}""", "(?m)")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"a{,2}"},"content":""}""", "{,n}")] // 0 to 2 there, text in .NET
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"[\ud83d\ude00-\ud83d\ude4f]"},"content":""}""", "beyond U+FFFF")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"Regex":"[\\W_]"},"content":""}""", "\\W in a class")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"String":""},"content":""}""", "normalizer.pattern")]
    [InlineData("normalizer", """{"type":"Replace","content":""}""", "normalizer.pattern is missing")]
    [InlineData("normalizer", """{"type":"Sequence","normalizers":[{"type":"Nmt"}]}""", "type is 'Nmt'")]
    [InlineData("normalizer", """{"type":"Sequence"}""", "normalizers is missing")]
    [InlineData("pre_tokenizer", """{"type":"Sequence","pretokenizers":[]}""", "pretokenizers")]
    [InlineData("pre_tokenizer", """{"type":"Sequence","pretokenizers":[{"type":"Digits"}]}""", "type is 'Digits'")]
    [InlineData("post_processor", """{"type":"Sequence","processors":[{"type":"ByteLevel"}]}""", "type is 'ByteLevel'")]
    [InlineData("post_processor", """{"type":"Sequence","processors":[{},{}]}""", "processors")]
    public void Load_RefusesWhatItCannotDo(string section, string json, string message)
    {
        TokenizerException error = Assert.Throws<TokenizerException>(() => TokenizerFixture.LoadChanged(root => root[section] = JsonNode.Parse(json)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    private static int[] Points(string text) => [.. new AlignedText(text, 0).Points];

    private static string Shifted(string origin, int by) => string.Join('-', origin.Split('-').Select(place => int.Parse(place) + by));

    private static void Check(AlignedText actual, string text, string origins)
    {
        Assert.Equal(text, actual.ToString());
        Assert.Equal(origins, string.Join(' ', actual.Origins.Select(origin => $"{origin.Start}-{origin.End}")));
    }
}
