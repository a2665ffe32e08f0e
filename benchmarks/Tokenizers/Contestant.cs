using MiniLM.Text;
using FastBert = FastBertTokenizer.BertTokenizer;
using MicrosoftBert = Microsoft.ML.Tokenizers.BertTokenizer;

namespace MiniLM.Benchmarks.Tokenizers;

/// <summary>A tokenizer under test: ids with [CLS] and [SEP], cut at 512, into a reused buffer where it offers one.</summary>
internal sealed record Contestant(string Name, Func<string, int> Encode, Func<string, int[]> EncodeAll)
{
    internal const int MaxLength = 512;

    internal static Contestant[] All(string jsonPath, string vocabularyPath) => [MiniLm(jsonPath), FastBertTokenizer(jsonPath), MicrosoftMl(vocabularyPath)];

    private static Contestant MiniLm(string path)
    {
        WordPieceTokenizer tokenizer = WordPieceTokenizer.Load(path);
        int[] ids = new int[MaxLength];
        return new Contestant("minilm", text => tokenizer.Encode(text, MaxLength, ids, out _), text =>
        {
            int[] all = new int[(text.Length * 3) + 8];
            return all[..tokenizer.Encode(text, all.Length, all, out _)];
        });
    }

    private static Contestant FastBertTokenizer(string path)
    {
        FastBert tokenizer = new();
        using (FileStream stream = File.OpenRead(path)) { tokenizer.LoadTokenizerJson(stream); }
        long[] ids = new long[MaxLength];
        long[] mask = new long[MaxLength];
        return new Contestant("FastBertTokenizer 1.2.6", text => tokenizer.Encode(text, ids, mask), text =>
        {
            long[] all = new long[(text.Length * 3) + 8];
            int count = tokenizer.Encode(text, all, new long[all.Length]);
            return [.. all.Take(count).Select(id => (int)id)];
        });
    }

    private static Contestant MicrosoftMl(string path)
    {
        MicrosoftBert tokenizer = MicrosoftBert.Create(path);
        return new Contestant("Microsoft.ML.Tokenizers 2.0.1", text => tokenizer.EncodeToIds(text, MaxLength, out _, out _).Count, text =>
            [.. tokenizer.EncodeToIds(text)]);
    }
}
