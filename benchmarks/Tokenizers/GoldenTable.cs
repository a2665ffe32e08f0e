using System.Text.Json;

namespace MiniLM.Benchmarks.Tokenizers;

/// <summary>How many texts of golden/tokenizer/single_uncased.jsonl each contestant encodes as Hugging Face's library does, by kind.</summary>
internal static class GoldenTable
{
    internal static void Write(string shared, Contestant[] contestants)
    {
        SortedDictionary<string, int[]> kinds = new(StringComparer.Ordinal);
        int[] totals = new int[contestants.Length + 1];
        foreach (string line in File.ReadAllText(Path.Combine(shared, "golden", "tokenizer", "single_uncased.jsonl")).Split('\n')
            .Where(line => line.Length > 0))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            string kind = document.RootElement.GetProperty("kind").GetString()!;
            string text = document.RootElement.GetProperty("text").GetString()!;
            int[] expected = [.. document.RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            if (!kinds.TryGetValue(kind, out int[]? counts)) { kinds[kind] = counts = new int[contestants.Length + 1]; }
            counts[^1]++;
            totals[^1]++;
            for (int index = 0; index < contestants.Length; index++)
            {
                if (!Agrees(contestants[index], text, expected)) { continue; }
                counts[index]++;
                totals[index]++;
            }
        }
        Console.WriteLine($"| kind | texts | {string.Join(" | ", contestants.Select(contestant => contestant.Name))} |");
        Console.WriteLine($"| --- | --- |{string.Concat(contestants.Select(_ => " --- |"))}");
        foreach ((string kind, int[] counts) in kinds) { Console.WriteLine($"| {kind} | {counts[^1]} | {string.Join(" | ", counts[..^1])} |"); }
        Console.WriteLine($"| **all** | {totals[^1]} | {string.Join(" | ", totals[..^1])} |");
    }

    private static bool Agrees(Contestant contestant, string text, int[] expected)
    {
        try
        {
            return contestant.EncodeAll(text).AsSpan().SequenceEqual(expected);
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException or IndexOutOfRangeException)
        {
            // A peer that refuses a text does not get it as the original does.
            return false;
        }
    }
}
