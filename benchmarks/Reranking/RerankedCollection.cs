using System.Text;
using MiniLM.Text;

namespace Reranking;

/// <summary>Queries, passages and a run as files, of random words in lengths like MS MARCO's (its passages have 56 words on average).</summary>
internal sealed record RerankedCollection(string Queries, string Corpus, string Run, string Output, List<int[]> Pairs, List<byte[]> TypeIds)
{
    private const int MaxLength = 512, MeanWords = 56;

    internal static RerankedCollection Make(string folder, WordPieceTokenizer tokenizer, int queries, int passages)
    {
        string[] words = [.. Enumerable.Range(0, tokenizer.VocabularySize).Select(tokenizer.IdToToken).Where(token => token.All(char.IsAsciiLetterLower))];
        Random random = new(1);
        RerankedCollection collection = new(Path.Combine(folder, "q.tsv"), Path.Combine(folder, "corpus.tsv"), Path.Combine(folder, "in.run"),
            Path.Combine(folder, "out.run"), [], []);
        (StringBuilder questions, StringBuilder corpus, StringBuilder run) = (new(), new(), new());
        for (int query = 0; query < queries; query++)
        {
            string question = Text(random.Next(3, 10));
            questions.Append($"{query}\t{question}\n");
            for (int passage = 0; passage < passages; passage++)
            {
                // Log-normal: many short ones, a few long ones.
                double normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
                string text = Text(Math.Clamp((int)(MeanWords * Math.Exp(0.4 * normal - 0.08)), 5, 300));
                corpus.Append($"{query}-{passage}\t{text}\n");
                run.Append($"{query} Q0 {query}-{passage} {passage + 1} {passages - passage} random\n");
                int[] ids = new int[MaxLength];
                byte[] typeIds = new byte[MaxLength];
                int length = tokenizer.Encode(question, text, MaxLength, Truncation.LongestFirst, ids, typeIds, out _);
                collection.Pairs.Add(ids[..length]);
                collection.TypeIds.Add(typeIds[..length]);
            }
        }
        File.WriteAllText(collection.Queries, questions.ToString());
        File.WriteAllText(collection.Corpus, corpus.ToString());
        File.WriteAllText(collection.Run, run.ToString());
        return collection;

        string Text(int count) => string.Join(' ', Enumerable.Range(0, count).Select(_ => words[random.Next(words.Length)]));
    }
}
