using MiniLM.Text;

namespace MiniLM.Tests.Text;

/// <summary>Both ways to encode give the same ids, whatever the text; offsets stay inside it.</summary>
public sealed class TokenizerPropertyTests
{
    private static readonly string[] Switches = ["uncased", "cased, accents stripped", "accents kept", "no Chinese", "not cleaned", "null normalizer"];

    public static TheoryData<string> Normalizers() => [.. Switches];

    [Theory]
    [MemberData(nameof(Normalizers))]
    public void Encode_WithAndWithoutOffsetsAgree(string name)
    {
        WordPieceTokenizer tokenizer = TokenizerFixture.LoadChanged(root =>
        {
            System.Text.Json.Nodes.JsonNode normalizer = root["normalizer"]!;
            switch (name)
            {
                case "cased, accents stripped": normalizer["lowercase"] = false; normalizer["strip_accents"] = true; break;
                case "accents kept": normalizer["strip_accents"] = false; break;
                case "no Chinese": normalizer["handle_chinese_chars"] = false; break;
                case "not cleaned": normalizer["clean_text"] = false; break;
                case "null normalizer": root["normalizer"] = null; break;
                default: break;
            }
        });
        CheckRandomTexts(tokenizer, name.Length);
    }

    [Fact]
    public void Encode_WithAndWithoutOffsetsAgreeOnTheRealVocabulary() => CheckRandomTexts(TokenizerGolden.Uncased(), seed: 77);

    [Fact]
    public void Encode_WithAndWithoutOffsetsAgreeWithAddedTokens()
    {
        CheckRandomTexts(TokenizerFixture.LoadChanged(root =>
        {
            foreach (string json in new[]
            {
                """{"id":40,"content":"<a>","single_word":false,"lstrip":true,"rstrip":true,"normalized":false,"special":false}""",
                """{"id":41,"content":"word","single_word":true,"lstrip":false,"rstrip":false,"normalized":true,"special":false}""",
            })
            {
                root["added_tokens"]!.AsArray().Add(System.Text.Json.Nodes.JsonNode.Parse(json));
            }
        }), seed: 5);
    }

    [Fact]
    public void Encode_PairAgreesWithDetailForAllLengths()
    {
        WordPieceTokenizer tokenizer = TokenizerFixture.Load();
        Random random = new(3);
        for (int trial = 0; trial < 400; trial++)
        {
            string first = RandomText.Next(random, 12);
            string second = RandomText.Next(random, 12);
            foreach (Truncation strategy in new[] { Truncation.LongestFirst, Truncation.OnlyFirst, Truncation.OnlySecond })
            {
                int maxLength = random.Next(3, 24);
                int[] ids = new int[maxLength];
                byte[] typeIds = new byte[maxLength];
                string fast;
                string detailed;
                try { fast = string.Join(' ', ids[..tokenizer.Encode(first, second, maxLength, strategy, ids, typeIds, out _)]); }
                catch (TokenizerException exception) { fast = exception.Message; }
                try { detailed = string.Join(' ', tokenizer.Encode(first, second, new EncodeOptions { MaxLength = maxLength, Truncation = strategy }).Ids); }
                catch (TokenizerException exception) { detailed = exception.Message; }
                Assert.Equal(detailed, fast);
            }
        }
    }

    private static void CheckRandomTexts(WordPieceTokenizer tokenizer, int seed)
    {
        Random random = new(seed);
        for (int trial = 0; trial < 600; trial++)
        {
            // Every tenth text is longer than a window, with and without spaces.
            string text = RandomText.Next(random, trial % 10 == 0 ? 900 : 40);
            if (trial % 20 == 0) { text = text.Replace(" ", trial % 40 == 0 ? "" : "中", StringComparison.Ordinal); }
            TokenEncoding encoding = tokenizer.Encode(text);
            Assert.Equal(encoding.Ids, TokenizerGolden.FastIds(tokenizer, text));
            Assert.All(encoding.Offsets, offset => Assert.InRange(offset.Start, 0, offset.End));
            Assert.All(encoding.Offsets, offset => Assert.InRange(offset.End, 0, text.Length));
            int maxLength = random.Next(2, 60);
            int[] ids = new int[maxLength];
            int count = tokenizer.Encode(text, maxLength, ids, out bool truncated);
            TokenEncoding cut = tokenizer.Encode(text, null, new EncodeOptions { MaxLength = maxLength });
            Assert.Equal(cut.Ids, ids[..count]);
            Assert.Equal(cut.Ids.Length < encoding.Ids.Length, truncated);
        }
    }
}
