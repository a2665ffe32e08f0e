using System.Security.Cryptography;
using System.Text;
using MiniLM.Text.Repair;

namespace MiniLM.Tests.Text;

/// <summary>The parts of the repair by hand, and by digests of what ftfy 6.3.1 (Python 3.11) gave for whole families of inputs.</summary>
public sealed class TextRepairPartsTests
{
    [Theory]
    [InlineData(1, 1252), InlineData(2, 1251), InlineData(3, 1250), InlineData(4, 1253), InlineData(5, 1254), InlineData(6, 1257), InlineData(7, 28592)]
    [InlineData(9, 437)]
    public void Encoding_HasTheCharactersOfItsCodePage(int index, int codePage)
    {
        Encoding expected = CodePagesEncodingProvider.Instance.GetEncoding(codePage, EncoderFallback.ExceptionFallback, DecoderFallback.ReplacementFallback)!;
        SingleByteEncoding encoding = SingleByteEncoding.All[index];
        for (int value = 0x80; value <= 0xFF; value++)
        {
            char character = expected.GetString([(byte)value])[0];
            // Unassigned: private use or a replacement there, the control character here.
            Assert.Equal(character is '\ufffd' or (>= '\ue000' and <= '\uf8ff') ? (char)value : character, encoding.Upper(value));
            Assert.Equal([(byte)value], encoding.Encode(encoding.Upper(value).ToString())!);
        }
    }

    [Fact]
    public void Encoding_HasSubstituteForWhatWasLostWhereItIsSloppy()
    {
        foreach (SingleByteEncoding encoding in SingleByteEncoding.All)
        {
            Assert.Equal(encoding.IsSloppy ? null : [0x1A], encoding.Encode("\u001a"));
            Assert.Equal(encoding.IsSloppy ? [0x1A] : null, encoding.Encode("\ufffd"));
            Assert.Equal([0, 0x7F], encoding.Encode("\0\u007f"));
            Assert.Null(encoding.Encode("a東"));
        }
    }

    [Theory]
    [InlineData("Ã la carte", "à la carte")]
    [InlineData("Ã  la", "à la")]
    [InlineData("Ã s vezes Ã quele Ã quela Ã quilo", "às vezes àquele àquela àquilo")]
    [InlineData("Ã quel point Ã so", "à quel point à so")]
    [InlineData("â€œyesâ€\u009d", "“yes”")]
    [InlineData("â€œlike thisâ€�", "“like this�")]
    [InlineData("cafÃ? Ã©", "caf� é")]
    [InlineData("í\u00a0½í¸\u008d", "😍")]
    [InlineData("À\u0080 Ã©", "\0 é")]
    [InlineData("café cafÃ© 東", "café café 東")]
    [InlineData("don\u0092t 東", "don’t 東")]
    [InlineData("\u0081", "\u0081")]
    [InlineData("ÃƒÂ©", "é")]
    [InlineData("voilÃ  le travail", "voilà le travail")]
    public void Fix_ReadsAnew(string text, string expected) => Assert.Equal(expected, EncodingRepair.Fix(text));

    [Fact]
    public void Fix_ExplainsItsSteps()
    {
        Assert.Equal("encode latin-1, transcode restore_byte_a0, decode utf-8", Steps("voilÃ le travail"));
        Assert.Equal("encode sloppy-windows-1252, transcode replace_lossy_sequences, decode utf-8", Steps("â€�"));
        Assert.Equal("encode latin-1, decode utf-8-variants", Steps("í\u00a0½í¸\u008d"));
        Assert.Equal("encode macroman, decode utf-8", Steps("caf√©"));
        Assert.Equal("encode latin-1, decode windows-1252", Steps("\u0093x\u0094"));
        Assert.Equal("transcode fix_c1_controls, transcode fix_c1_controls", Steps("\u0093x\u0081")); // as ftfy: 81 is still one
        Assert.Equal("transcode fix_c1_controls", Steps("\u0093東"));
        Assert.Equal("apply decode_inconsistent_utf8", Steps("é Ã©"));
        Assert.Equal("", Steps("é"));

        static string Steps(string text)
        {
            List<(string Action, string Parameter)> steps = [];
            EncodingRepair.Fix(text, steps);
            return string.Join(", ", steps.Select(step => $"{step.Action} {step.Parameter}"));
        }
    }

    [Theory]
    [InlineData("ÃƒÂ", true), InlineData("a Ã b", true), InlineData("aÃ b", true), InlineData("Ã b", true), InlineData("A Ã b", false)]
    [InlineData("a\u00a0Â b", true), InlineData("a.Â b", true), InlineData("A;Â b", false), InlineData("A.Â©", true)]
    [InlineData("Ø\u00b7Ø\u00b7", true), InlineData("Ù…Ø±", true), InlineData("Ù…Øa", false), InlineData("ÙaØ…", false), InlineData("Ù…XØ…", false)]
    [InlineData("ГўВЂВ™ a", true), InlineData("ГўВЂВ東 ", true), InlineData("ГўВЂВ🙂a", true), InlineData("ГўВЂВ\na", false), InlineData("ГўВЂВ東1", false)]
    [InlineData("ГўВЂВ東", false), InlineData("œuvre", false), InlineData("œ", false), InlineData("œ!", true), InlineData("Œ\n", true)]
    [InlineData("é»\U0001d400", true), InlineData("é»Ⅳ", true), InlineData("é»²", true), InlineData("é»_", true), InlineData("é»-", false)]
    [InlineData("é»\u0301", false), InlineData("\u001cÀ£", true), InlineData("!À£", false), InlineData("plain", false), InlineData("", false)]
    public void IsBad_ByItsRules(string text, bool expected) => Assert.Equal(expected, Mojibake.IsBad(text));

    [Fact]
    public void IsBad_OfAllPairsIsFtfys()
    {
        string pool = new string([.. Upper().Distinct().Order()]) + " aA1_.\ufffd\n";
        (string Before, string After)[] contexts = [("", ""), ("a", ""), (" ", "a"), (".", "²"), ("", "¡"), ("A", ""), ("", ".")];
        List<byte> verdicts = [];
        Span<char> text = stackalloc char[4];
        foreach (char first in pool)
        {
            foreach (char second in pool)
            {
                foreach ((string before, string after) in contexts)
                {
                    before.CopyTo(text);
                    (text[before.Length], text[before.Length + 1]) = (first, second);
                    after.CopyTo(text[(before.Length + 2)..]);
                    verdicts.Add(Mojibake.IsBad(text[..(before.Length + 2 + after.Length)]) ? (byte)'1' : (byte)'0');
                }
            }
        }
        Assert.Equal("dd82565ad35ca28b8b36b8af82df80c2414fd5bf71d28bb2b0701c3fb079e09e", Digest([.. verdicts]));
    }

    [Fact]
    public void IsBad_OfTriplesIsFtfys()
    {
        const string Pool = "ÂÃØÙŒœà√≈‚Äâóв\u0402ВГРСўβ€ΒΓΞΟā°µ²±×™®»\u00a0\u00adŸŠ…¢ìπ aZ.é³Ά†";
        byte[] verdicts = [.. Pool.SelectMany(a => Pool.SelectMany(b => Pool.Select(c => Mojibake.IsBad([a, b, c]) ? (byte)'1' : (byte)'0')))];
        Assert.Equal("9d910e8afea39b90af9a35bdeda6e91e436e9d1b9939ee1e6ede58c567746a03", Digest(verdicts));
    }

    [Fact]
    public void FixSegment_OfEachCharacterIsFtfys()
    {
        IEnumerable<int> codePoints = Range(0, 0xD800).Concat(Range(0xE000, 0x10000)).Concat(Range(0x1D100, 0x1D200)).Concat(Range(0x2F800, 0x2FA20));
        string fixedText = string.Join('\u001f', codePoints.Select(code => TextRepair.Apply(char.ConvertFromUtf32(code), TextRepairKind.Full)));
        Assert.Equal("760d917a8e44d1ce424a9b914d23c3646f8bd2b862781f828c6cdd5650efe56b", Digest(Encoding.UTF8.GetBytes(fixedText)));
    }

    [Fact]
    public void LostBytes_OfAllShortSequencesAreFtfys()
    {
        byte[] all = Convert.FromHexString("1A203F7F808485868F9FA0A1AFB0BFC0C1C2C3C4C5CED0D9DADFE0E1E2E3E4ECEDEEEFF0F1F4F573");
        byte[] few = Convert.FromHexString("1A203F7F809FA0AFB0BFC0");
        byte[][] sequences =
        [
            .. Product(all, all, all), .. Product([0xEF, 0xF0, 0xF1, 0xF4, 0xF5], few, few, few),
            .. Product([0xED], [0x9F, 0xA0, 0xAF, 0xB0], few, [0xEC, 0xED, 0xEE], [0xAF, 0xB0, 0xBF, 0xC0], few),
        ];
        string Of(Func<byte[], byte[]> function) => Digest([.. sequences.SelectMany(sequence => function(sequence).Append((byte)0xFF))]);
        Assert.Equal("dc072328d58c3fc3770dedc6ded7d52ef3e76eab59dc886ffb25bf31526f803b", Of(LostBytes.RestoreNoBreakSpaces));
        Assert.Equal("473a2836534ad54d3fc8e6f3736666c3e3abf15e860dc1b545c5b4eb9e98a77e", Of(LostBytes.ReplaceLossySequences));
    }

    [Fact]
    public void DecodeVariants_OfAllShortSequencesIsFtfys()
    {
        byte[] values = [0x0A, 0x41, 0x80, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xED, 0xE2, 0xF0];
        byte[][] surrogates = Product(
            [0xED], [0x9F, 0xA0, 0xAF, 0xB0], [0x7F, 0x80, 0xBF, 0xC0], [0xEC, 0xED], [0xAF, 0xB0, 0xBF, 0xC0], [0x0A, 0x7F, 0x80, 0xBF, 0xC0]);
        byte[][] sequences =
        [
            .. Product(values), .. Product(values, values), .. Product(values, values, values),
            .. surrogates.SelectMany(bytes => (byte[][])[bytes, [.. bytes, (byte)'\n'], [.. bytes, (byte)'A']]),
        ];
        string decoded = string.Join('\u001f', sequences.Select(sequence => Utf8Variants.DecodeVariants(sequence) ?? "-"));
        Assert.Equal("b84b9d48a7510915fb8b09184fc919cec5625801bcd79a90aa5eb5638b0f2204", Digest(Encoding.UTF8.GetBytes(decoded)));
    }

    [Theory]
    [InlineData("&lt;tag&gt; &amp;amp;", "<tag> &amp;")]
    [InlineData("P&eacute;rez P&EACUTE;REZ BUNDESSTRA&SZLIG;E", "Pérez PÉREZ BUNDESSTRASSE")]
    [InlineData("&ntilde; &Ntilde; &NTILDE; &nTILDE;", "ñ Ñ Ñ &nTILDE;")]
    [InlineData("&Jscr;ohn &NotEqualTilde; &NewLine;", "𝒥ohn ≂̸ \n")]
    [InlineData("this&not that &amp &; &#; &#x; &#xg; &#12ab; & &&lt;", "this&not that &amp &; &#; &#x; &#xg; &#12ab; & &<")]
    [InlineData("&#65;&#x41;&#X4a;&#128578;&#59;&#x3b;", "AAJ🙂&#59;&#x3b;")]
    [InlineData("&#000000000000000000000065;&#0000000000000000000000065;", "A&#0000000000000000000000065;")]
    [InlineData("&#999999999999999999999999;&#x110000;&#x10ffff;", "\ufffd\ufffd")]
    [InlineData("&CounterClockwiseContourIntegral; &DoubleLongLeftRightArrow;", "&CounterClockwiseContourIntegral; ⟺")]
    [InlineData("&GTRDOT; &CHECKMARK;", "&GTRDOT; ✓")]
    [InlineData("&lt", "&lt")]
    public void Unescape_DecodesReferencesWithTheirSemicolon(string text, string expected) => Assert.Equal(expected, HtmlEntities.Unescape(text));

    [Fact]
    public void Unescape_OfNumbersIsFtfys()
    {
        IEnumerable<int> numbers = Range(0, 0x180).Concat(Range(0xD7F0, 0xE010)).Concat(Range(0xFDC0, 0xFE00)).Concat(Range(0xFFF0, 0x10010))
            .Concat(Range(0x10FFF0, 0x110010));
        string decoded = string.Join('\u001f', numbers.Select(number => HtmlEntities.Unescape($"&#{number};") + HtmlEntities.Unescape($"&#x{number:x};")));
        Assert.Equal("219d4429c6a686a54adab14803079a7365bed8a00c5efadbabed0d5f6b568534", Digest(Encoding.UTF8.GetBytes(decoded)));
    }

    [Theory]
    [InlineData("\u001b[31mred\u001b[0m", "red")]
    [InlineData("\u001b[mx\u001b[1;2;٣Zy", "xy")]
    [InlineData("\u001b[\U0001d7cez", "")]
    [InlineData("\u001b[31\u001b[1m", "\u001b[31")]
    [InlineData("\u001bm \u001b[ \u001b[31", "\u001bm \u001b[ \u001b[31")]
    public void RemoveTerminalEscapes_TakesWholeSequences(string text, string expected) => Assert.Equal(expected, CharacterFixes.RemoveTerminalEscapes(text));

    [Theory]
    [InlineData("a\r\nb\rc\n\r\r\n", "a\nb\nc\n\n\n")]
    [InlineData("a\u2028b\u2029c\u0085d\f", "a\nb\nc\nd\f")]
    public void FixLineBreaks_LeavesLineFeeds(string text, string expected) => Assert.Equal(expected, CharacterFixes.FixLineBreaks(text));

    [Fact]
    public void FixSurrogates_ReplacesHalves()
    {
        Assert.Equal("a🙂é", CharacterFixes.FixSurrogates("a\ud83d\ude42é"));
        Assert.Equal("\ufffd\ufffd", CharacterFixes.FixSurrogates("\ude42\ud83d"));
        Assert.Equal("a\ufffd", CharacterFixes.FixSurrogates("a\ud83d"));
        string without = new(['é']);
        Assert.Same(without, CharacterFixes.FixSurrogates(without));
    }

    [Theory]
    [InlineData("cafe\u0301", "café")]
    [InlineData("e\u0323\u0302", "ệ"), InlineData("e\u0302\u0323", "ệ")]
    [InlineData("a\u0315\u0300\u05ae\u0300b", "à\u05ae\u0300\u0315b")] // order, and the nearer of a class composes
    [InlineData("e\u0300\u0301\u0327", "\u0229\u0300\u0301")]
    [InlineData("\u1100\u1161\u11a8\u1100\u1161\u11a7", "각가\u11a7"), InlineData("가\u11a8", "각"), InlineData("각\u11a8", "각\u11a8")]
    [InlineData("\u1100\u0300\u1161", "\u1100\u0300\u1161")] // a mark between
    [InlineData("\u0958\u2126\u212b\uf900\ufb1d", "\u0915\u093c\u03a9\u00c5\u8c48\u05d9\u05b4")]
    [InlineData("\u09c7\u09be", "\u09cb"), InlineData("\u09c7x\u09be", "\u09c7x\u09be")]
    [InlineData("\U0001d15e\u0301e", "\U0001d157\U0001d165\u0301e")]
    [InlineData("\u0301e", "\u0301e"), InlineData("\u0344", "\u0308\u0301")]
    public void Normalize_GivesFormC(string text, string expected)
    {
        Assert.Equal(expected, CanonicalComposition.Normalize(text));
        Assert.Equal(expected, CanonicalComposition.Normalize(expected));
    }

    [Fact]
    public void Normalize_OfLettersWithMarksIsPythons()
    {
        string composed = string.Join('\u001f', Range(0, 0xE00).SelectMany(code => "\u0300\u0308\u0323\u0338\u0345\u3099a".Select(mark =>
            CanonicalComposition.Normalize($"{(char)code}{mark}\u0323\u0301"))));
        Assert.Equal("5cb1247b9800492365a4cb2c5321ec156017e4f976585bde4917a87d010aabdd", Digest(Encoding.UTF8.GetBytes(composed)));
    }

    [Fact]
    public void Normalize_OfManyMarksKeepsTheOrderOfAClass()
    {
        string marks = string.Concat(Enumerable.Range(0, 20_000).Select(index => index % 2 == 0 ? "\u0304" : index % 3 == 0 ? "\u0331" : "\u0321"));
        string expected = string.Concat(marks.OrderBy(mark => mark == '\u0321' ? 202 : mark == '\u0331' ? 220 : 230));
        Assert.Equal("x" + expected, CanonicalComposition.Normalize("x" + marks));
    }

    private static IEnumerable<char> Upper() => SingleByteEncoding.All.SelectMany(encoding => Range(0x80, 0x100).Select(encoding.Upper));

    private static IEnumerable<int> Range(int first, int end) => Enumerable.Range(first, end - first);

    private static byte[][] Product(params byte[][] places) => places.Length == 0 ? [[]]
        : [.. places[0].SelectMany(value => Product(places[1..]).Select(rest => (byte[])[value, .. rest]))];

    private static string Digest(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
