using System.Text;
using FsCheck;
using FsCheck.Fluent;
using MiniLM.Text.Repair;

namespace MiniLM.Tests.Text;

public sealed class TextRepairTests
{
    private const TextRepairKind None = TextRepairKind.None, OfEncoding = TextRepairKind.Encoding, Full = TextRepairKind.Full;

    // Characters that mean something to some fix, and halves of surrogate pairs.
    private static readonly char[] Pool =
    [
        .. SingleByteEncoding.All.SelectMany(encoding => Enumerable.Range(0x80, 128).Select(encoding.Upper)).Distinct(),
        .. "ab AZ.,?!\n\t\r<&;#1'\"\u001a\u001b[m\ufffd\0\u0301\u0323\u1100\u1161\u11a8\uac00\uff21\uff76\ufb01\u3000\ud83d\ude42\ud800",
    ];

    [Theory]
    [InlineData("cafÃ©", "café", "café")]
    [InlineData("It’s ﬁne &amp; so on", "It’s ﬁne &amp; so on", "It's fine & so on")]
    [InlineData("a &lt;b> &amp;", "a &lt;b> &amp;", "a <b> &")] // '>' is no sign of HTML
    [InlineData("&amp;lt; twice", "&amp;lt; twice", "< twice")]
    [InlineData("<b> &amp;", "<b> &amp;", "<b> &amp;")]
    [InlineData("a &amp;\n<b> &amp;\nc &amp;", "a &amp;\n<b> &amp;\nc &amp;", "a &\n<b> &amp;\nc &amp;")] // from the first tag on
    [InlineData("Ã©\né Ã©", "é\né é", "é\né é")]
    [InlineData("\u0007", "\u0007", "")]
    [InlineData("", "", "")]
    public void Apply_RepairsAsMuchAsIsAsked(string text, string encoding, string full)
    {
        Assert.Same(text, TextRepair.Apply(text, None));
        Assert.Equal(encoding, TextRepair.Apply(text, OfEncoding));
        Assert.Equal(full, TextRepair.Apply(text, Full));
    }

    [Fact]
    public void Apply_GivesPlainTextBackAsItIs()
    {
        string plain = new([.. Enumerable.Range(0x20, 0x5f).Select(code => (char)code).Append('\t').Append('\n').Append('\f').Except("&")]);
        Assert.Same(plain, TextRepair.Apply(plain, Full));
        Assert.Same(plain, TextRepair.Apply(plain, OfEncoding));
    }

    /// <summary>What is longer than a million code points is cut there: a tag behind that place does not keep what is before it from being decoded.</summary>
    [Fact]
    public void Apply_CutsWhatIsVeryLong()
    {
        string filling = string.Concat(Enumerable.Repeat("🙂", TextRepair.MostAtOnce - "&amp;".Length));
        Assert.Equal($"&{filling}<&amp;", TextRepair.Apply($"&amp;{filling}<&amp;", Full));
        filling = filling[..^2];
        Assert.Equal($"&amp;{filling}<&amp;", TextRepair.Apply($"&amp;{filling}<&amp;", Full));
    }

    [Fact]
    public void Apply_OfAnythingEndsAndIsDoneAtOnce()
    {
        Prop.ForAll(Gen.Elements(Pool).ArrayOf().ToArbitrary(), characters =>
        {
            string text = new(characters), encoding = TextRepair.Apply(text, OfEncoding);
            string segment = TextRepair.FixSegment(text, unescapes: true), full = TextRepair.Apply(text, Full);
            return TextRepair.Apply(encoding, OfEncoding) == encoding && TextRepair.FixSegment(segment, unescapes: true) == segment
                && Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(full)) == full && Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(segment)) == segment;
        }).Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(3000).WithReplay(7, 9));
    }

    [Theory]
    [InlineData("Dvořák’s Žižkov"), InlineData("İstanbul’da ışık"), InlineData("東京の天気")]
    public void Apply_UndoesEachEncoding(string text)
    {
        foreach (SingleByteEncoding encoding in SingleByteEncoding.All)
        {
            string misread = new([.. Encoding.UTF8.GetBytes(text).Select(value => value < 0x80 ? (char)value : encoding.Upper(value))]);
            Assert.Equal(text, TextRepair.Apply(misread, OfEncoding));
        }
    }
}
