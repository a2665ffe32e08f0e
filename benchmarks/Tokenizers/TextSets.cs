using System.Text;

namespace MiniLM.Benchmarks.Tokenizers;

/// <summary>The texts that are timed: short questions, tweets with emoji and links, abstracts.</summary>
internal static class TextSets
{
    internal static (string Name, string[] Texts)[] Load(string shared) =>
    [
        ("Quora questions", Quora(Path.Combine(shared, "data", "quora", "questions_10k.tsv"))),
        ("tweets", Tweets(Path.Combine(shared, "data", "checkthat"))),
        ("Cranfield abstracts", Cranfield(Path.Combine(shared, "data", "cranfield", "cran.all.1400"))),
    ];

    private static string[] Quora(string path)
    {
        return [.. File.ReadLines(path).Skip(1).Select(line => line.Split('\t')).Where(fields => fields.Length == 6).SelectMany(fields => fields[3..5])];
    }

    private static string[] Tweets(string folder)
    {
        return [.. Directory.GetFiles(folder, "subtask4b_query_tweets_*.tsv").Order(StringComparer.Ordinal)
            .SelectMany(file => File.ReadLines(file).Skip(1)).Select(line => line.Split('\t')).Where(fields => fields.Length == 3).Select(fields => fields[1])];
    }

    /// <summary>The .W sections.</summary>
    private static string[] Cranfield(string path)
    {
        List<string> texts = [];
        StringBuilder? text = null;
        foreach (string line in File.ReadLines(path))
        {
            if (line.StartsWith(".I", StringComparison.Ordinal))
            {
                if (text is { Length: > 0 }) { texts.Add(text.ToString()); }
                text = null;
            }
            else if (line == ".W")
            {
                text = new StringBuilder();
            }
            else
            {
                text?.Append(line).Append('\n');
            }
        }
        if (text is { Length: > 0 }) { texts.Add(text.ToString()); }
        return [.. texts];
    }
}
