namespace MiniLM.Text.Repair;

/// <summary>
/// An encoding of a byte a character, by which UTF-8 is often read. The sloppy ones are what browsers do (WHATWG Encoding): a byte that Windows left
/// unassigned is the control character of the same number; and byte 1A stands for U+FFFD, a byte that is lost.
/// </summary>
internal sealed class SingleByteEncoding
{
    /// <summary>What is tried, in this order.</summary>
    internal static readonly SingleByteEncoding[] All =
    [
        new("latin-1", "\u0080-ÿ"),
        new("sloppy-windows-1252", "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ\u00a0-ÿ"),
        new("sloppy-windows-1251", "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u0098™љ›њќћџ\u00a0ЎўЈ¤Ґ¦§Ё©Є«-®Ї°±Ііґµ¶·ё№є»јЅѕїА-я"),
        new("sloppy-windows-1250", "€\u0081‚\u0083„…†‡\u0088‰Š‹ŚŤŽŹ\u0090‘’“”•–—\u0098™š›śťžź\u00a0ˇ˘Ł¤Ą¦-©Ş«-®Ż°±˛ł´-¸ąş»Ľ˝ľż" + CentralEuropean),
        new("sloppy-windows-1253",
            "€\u0081‚ƒ„…†‡\u0088‰\u008a‹\u008c-\u0090‘’“”•–—\u0098™\u009a›\u009c-\u00a0΅Ά£-®―°-³΄µ¶·ΈΉΊ»Ό½Ύ-ΡÒΣ-ώÿ"),
        new("sloppy-windows-1254", "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008d-\u0090‘’“”•–—˜™š›œ\u009d\u009eŸ\u00a0-ÏĞÑ-ÜİŞß-ïğñ-üışÿ"),
        new("sloppy-windows-1257",
            "€\u0081‚\u0083„…†‡\u0088‰\u008a‹\u008c¨ˇ¸\u0090‘’“”•–—\u0098™\u009a›\u009c¯˛\u009f-§Ø©Ŗ«-®Æ°-·ø¹ŗ»-¾æ"
            + "ĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽßąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž˙"),
        new("iso-8859-2", "\u0080-\u00a0Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u00adŽŻ°ą˛ł´ľśˇ¸šşťź˝žż" + CentralEuropean),
        new("macroman", "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø"
            + "¿¡¬√ƒ≈∆«»…\u00a0ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\uf8ffÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ"),
        new("cp437", "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»"
            + "░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0"),
    ];

    /// <summary>Those that keep the letters of UTF-8's bytes apart from its continuations, as Latin-1 does.</summary>
    internal static readonly SingleByteEncoding[] LikeLatin1 = All[..7];

    // What windows-1250 and iso-8859-2 share, C0 to FF.
    private const string CentralEuropean = "ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙";
    private const char Substitute = '\u001a', Replacement = '\ufffd';

    private readonly string _upperHalf;

    private SingleByteEncoding(string name, string upperHalf)
    {
        (Name, _upperHalf) = (name, CharacterRanges.Expand(upperHalf));
        IsSloppy = name.StartsWith("sloppy-", StringComparison.Ordinal);
    }

    internal static SingleByteEncoding Windows1252 => All[1];

    /// <summary>As ftfy calls it.</summary>
    internal string Name { get; }

    internal bool IsSloppy { get; }

    /// <summary>The character of a byte of 80 to FF.</summary>
    internal char Upper(int value) => _upperHalf[value - 0x80];

    /// <summary>The bytes that were read as this text; null: not by this encoding.</summary>
    internal byte[]? Encode(string text)
    {
        byte[] bytes = new byte[text.Length];
        for (int at = 0; at < bytes.Length; at++)
        {
            int value = Byte(text[at]);
            if (value < 0) { return null; }
            bytes[at] = (byte)value;
        }
        return bytes;
    }

    private int Byte(char character)
    {
        if (IsSloppy && character is Substitute or Replacement) { return character == Replacement ? Substitute : -1; }
        if (character < 0x80) { return character; }
        int at = _upperHalf.IndexOf(character, StringComparison.Ordinal);
        return at < 0 ? -1 : at + 0x80;
    }
}
