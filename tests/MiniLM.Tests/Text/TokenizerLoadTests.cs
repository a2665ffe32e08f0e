using System.Text.Json.Nodes;
using MiniLM.Text;

namespace MiniLM.Tests.Text;

/// <summary>Damaged, hostile and unsupported files end in one line that names file and field.</summary>
public sealed class TokenizerLoadTests
{
    private const string Damages = "{}[]\",:0-9aeZ\\\u0000\u00e9";

    [Theory]
    [InlineData("model.type", "\"BPE\"", "model.type is 'BPE'")]
    [InlineData("model.vocab", "[]", "model.vocab is not an object")]
    [InlineData("model.vocab.the", "-1", "model.vocab['the']")]
    [InlineData("model.vocab.the", "4000000000", "model.vocab['the']")]
    [InlineData("model.vocab.the", "2000000000", "model.vocab['the']")]
    [InlineData("model.vocab.the", "1.5", "model.vocab['the']")]
    [InlineData("model.vocab.the", "\"5\"", "model.vocab['the']")]
    [InlineData("model.vocab.the", "6", "id 6 belongs to 'the' and to 'cat'")]
    [InlineData("model.unk_token", "\"<unk>\"", "unk_token '<unk>' is not in the vocabulary")]
    [InlineData("model.unk_token", "null", "model.unk_token is not a string")]
    [InlineData("model.max_input_chars_per_word", "-1", "max_input_chars_per_word")]
    [InlineData("model", "null", "model is not an object")]
    [InlineData("normalizer.type", "\"Nmt\"", "normalizer.type is 'Nmt'")]
    [InlineData("normalizer.lowercase", "1", "normalizer.lowercase is 1")]
    [InlineData("normalizer", "[]", "normalizer is [], not an object")]
    [InlineData("pre_tokenizer.type", "\"Metaspace\"", "pre_tokenizer.type is 'Metaspace'")]
    [InlineData("pre_tokenizer", "null", "pre_tokenizer.type is 'null'")]
    [InlineData("post_processor.type", "\"ByteLevel\"", "post_processor.type is 'ByteLevel'")]
    [InlineData("post_processor.single", "[]", "sequence A 0 times")]
    [InlineData("post_processor.special_tokens", "{}", "[CLS] is missing")]
    [InlineData("post_processor.special_tokens", "null", "special_tokens is missing")]
    [InlineData("truncation.strategy", "\"Random\"", "truncation.strategy is 'Random'")]
    [InlineData("truncation.max_length", "-3", "truncation.max_length is -3")]
    [InlineData("padding.strategy", "{\"Fixed\":99999999}", "padding asks for more")]
    [InlineData("padding.strategy", "\"Short\"", "padding.strategy is 'Short'")]
    [InlineData("padding.pad_id", "30", "padding.pad_id is 30")]
    [InlineData("post_processor.special_tokens", "{\"[CLS]\":{\"ids\":[99],\"tokens\":[\"[CLS]\"]},\"[SEP]\":{\"ids\":[3],\"tokens\":[\"[SEP]\"]}}",
        "gives '[CLS]' id 99")]
    [InlineData("padding.direction", "\"Up\"", "padding.direction is 'Up'")]
    [InlineData("added_tokens", "{}", "added_tokens is not a list")]
    [InlineData("added_tokens", "[{\"id\":5,\"content\":\"<new>\"}]", "added token '<new>' has id 5, which belongs to 'the'")]
    [InlineData("added_tokens", "[{\"id\":-5,\"content\":\"<new>\"}]", "id is -5")]
    [InlineData("added_tokens", "[{\"content\":\"<new>\"}]", "id is missing")]
    [InlineData("added_tokens", "[7]", "[0] is 7")]
    public void Load_RefusesByName(string field, string value, string message)
    {
        TokenizerException exception = Assert.Throws<TokenizerException>(() => TokenizerFixture.LoadChanged(root =>
        {
            string[] parts = field.Split('.');
            JsonNode node = root;
            foreach (string part in parts[..^1]) { node = node[part]!; }
            node[parts[^1]] = JsonNode.Parse(value);
        }));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
        Assert.Contains("tokenizer.json: ", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"model\":{}}")]
    [InlineData("{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0}}}")]
    [InlineData("{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"\\ud800\":0}}}")]
    [InlineData("{\"model\":{\"type\":\"\\ud800\"}}")]
    [InlineData("{\"added_tokens\":[{\"id\":0,\"content\":\"\\ud800\"}]}")]
    [InlineData("{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0}},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}} {}")]
    [InlineData("{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[")]
    public void Load_RefusesWhatIsNoTokenizer(string json)
    {
        Assert.Throws<TokenizerException>(() => TokenizerFixture.LoadText(json, "tokenizer.json"));
    }

    [Fact]
    public void Load_SurvivesEveryTruncationAndManyDamages()
    {
        string text = File.ReadAllText(Path.Combine(TokenizerFixture.Folder, "tokenizer.json"));
        Random random = new(11);
        for (int trial = 0; trial < 1500; trial++)
        {
            char[] damaged = text.ToCharArray();
            int changes = random.Next(1, 4);
            for (int change = 0; change < changes; change++) { damaged[random.Next(damaged.Length)] = Damages[random.Next(Damages.Length)]; }
            string changed = new(damaged, 0, trial % 2 == 0 ? damaged.Length : random.Next(damaged.Length));
            try
            {
                WordPieceTokenizer tokenizer = TokenizerFixture.LoadText(changed, "tokenizer.json");
                TokenizerGolden.FastIds(tokenizer, "the cat [MASK] unaffordable");
            }
            catch (TokenizerException)
            {
                // The only exception that a damaged file may cause.
            }
        }
    }

    [Fact]
    public void Load_SaysWhatIsMissing()
    {
        Assert.Contains("no such file or folder", Assert.Throws<TokenizerException>(() => WordPieceTokenizer.Load("/no/such/folder")).Message,
            StringComparison.Ordinal);
        Assert.Contains("'[CLS]' is not in the vocabulary",
            Assert.Throws<TokenizerException>(() => TokenizerFixture.LoadText("[UNK]\n[SEP]\n", "vocab.txt")).Message, StringComparison.Ordinal);
        Assert.Contains("neither tokenizer.json nor vocab.txt", Assert.Throws<TokenizerException>(() => TokenizerFixture.LoadText("x", "other.txt"))
            .Message, StringComparison.Ordinal);
        Assert.Contains("do_lower_case is 3",
            Assert.Throws<TokenizerException>(() => TokenizerFixture.LoadText("[UNK]\n", "vocab.txt", """{"do_lower_case":3}""")).Message,
                StringComparison.Ordinal);
    }

    [Fact]
    public void Load_TakesThePrefixFromBehindTheVocabulary()
    {
        WordPieceTokenizer tokenizer = TokenizerFixture.LoadChanged(root =>
        {
            JsonNode vocabulary = root["model"]!["vocab"]!.DeepClone();
            root["model"] = new JsonObject { ["vocab"] = vocabulary, ["unk_token"] = "[UNK]", ["continuing_subword_prefix"] = "##", ["type"] = "WordPiece" };
        });
        Assert.Equal([2, 8, 9, 10, 3], tokenizer.Encode("unaffordable").Ids);
    }
}
