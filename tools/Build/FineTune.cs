using System.Text.Json;

namespace Build;

/// <summary>The README's fine-tune: the shipped model on Cranfield's odd queries, measured on the even ones before and after, and searched with.</summary>
internal static class FineTune
{
    internal static void Run(string query)
    {
        if (!File.Exists(Executable.File)) { Executable.Publish(); }
        string samples = Path.Combine(Tool.Root, "samples", "cranfield"), output = Directory.CreateDirectory(Path.Combine(Tool.Root, "out")).FullName;
        string corpus = Path.Combine(samples, "corpus.jsonl"), qrels = Path.Combine(samples, "qrels.tsv");
        string train = Path.Combine(output, "cranfield-odd.jsonl"), even = Path.Combine(output, "cranfield-even.tsv");
        string model = Path.Combine(output, "cranfield-model"), index = Path.Combine(output, "cranfield-tuned");
        WriteQueries(samples, corpus, qrels, train, even);
        Tool.Run(Executable.File, "train", "--task", "bi-encoder", "--train", train, "--columns", "query,document", "--loss", "MultipleNegativesRanking",
            "--batch-sampler", "no_duplicates", "--per-device-train-batch-size", "16", "--num-train-epochs", "1", "--learning-rate", "5e-5",
            "--warmup-ratio", ".1", "--max-length", "96", "--eval-queries", even, "--eval-corpus", corpus, "--eval-qrels", qrels,
            "--eval-on-start", "--eval-strategy", "epoch", "--save-strategy", "no", "--output-dir", model, "--overwrite");
        Tool.Run(Executable.File, "index", "--dense", "--model", model, "--corpus", corpus, "--output", index, "--overwrite");
        Tool.Run(Executable.File, "search", "--index", index, "--model", model, "--top-k", "5", query);
    }

    /// <summary>Each odd query with each document that answers it well (gains 3 and 4; all relevant ones take over two minutes); the even queries.</summary>
    private static void WriteQueries(string samples, string corpus, string qrels, string train, string even)
    {
        Dictionary<string, string> queries = File.ReadLines(Path.Combine(samples, "queries.tsv")).Select(line => line.Split('\t'))
            .ToDictionary(line => line[0], line => line[1]);
        Dictionary<string, string> documents = [];
        foreach (string line in File.ReadLines(corpus))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            documents.Add(document.RootElement.GetProperty("_id").GetString()!, document.RootElement.GetProperty("text").GetString()!);
        }
        using (StreamWriter pairs = new(train))
        {
            foreach (string[] judged in File.ReadLines(qrels).Skip(1).Select(line => line.Split('\t')))
            {
                if (int.Parse(judged[0]) % 2 == 0 || int.Parse(judged[2]) < 3) { continue; }
                pairs.Write($"{{\"query\":{Json(queries[judged[0]])},\"document\":{Json(documents[judged[1]])}}}\n");
            }
        }
        File.WriteAllLines(even, queries.Where(query => int.Parse(query.Key) % 2 == 0).Select(query => $"{query.Key}\t{query.Value}"));

        static string Json(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
    }
}
