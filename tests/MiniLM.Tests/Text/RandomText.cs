using System.Text;

namespace MiniLM.Tests.Text;

/// <summary>Random text of everything that tokenizers stumble over: ASCII words, marks, Hangul, Chinese, emoji, controls, lone surrogates, special
/// tokens.</summary>
internal static class RandomText
{
    private static readonly string[] Words = ["the", "cat", "un", "Unaffordables", "CAFÉ", "playing", " ", "  ", "\t", "\n", ".", ",", "'", "[MASK]",
        "[SEP]", "[", "##s", "\u000b", "\0", "e\u0301", "<a>", "word", "İ"];

    internal static string Next(Random random, int maxPieces)
    {
        StringBuilder text = new();
        int pieces = random.Next(maxPieces);
        for (int index = 0; index < pieces; index++)
        {
            switch (random.Next(12))
            {
                case < 6: text.Append(Words[random.Next(Words.Length)]); break;
                case 6: text.Append((char)random.Next(0x20, 0x250)); break;
                case 7: text.Append((char)random.Next(0x300, 0x370)); break;
                case 8: text.Append((char)random.Next(0x4E00, 0x4E40)); break;
                case 9: text.Append((char)random.Next(0xAC00, 0xD7A4)); break;
                case 10: text.Append(new Rune(random.Next(0x10000, 0x20000)).ToString()); break;
                default: text.Append((char)random.Next(0x10000)); break;
            }
        }
        return text.ToString();
    }
}
