// WordPiece against FastBertTokenizer and Microsoft.ML.Tokenizers in one run, on one thread, interleaved:
//   dotnet run -c Release --project benchmarks/Tokenizers -- [--shared DIR]
using System.Diagnostics;
using System.Globalization;
using System.Text;
using MiniLM.Benchmarks.Tokenizers;

const int Rounds = 7;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string? shared = FindShared(args);
if (shared is null)
{
    Console.Error.WriteLine("no shared folder found: give --shared DIR or set MINILM_SHARED");
    return 2;
}
string tokenizers = Path.Combine(shared, "data", "tokenizer");
Contestant[] contestants = Contestant.All(Path.Combine(tokenizers, "all-minilm-l6-v2-tokenizer.json"), Path.Combine(tokenizers, "bert-base-uncased-vocab.txt"));
(string Name, string[] Texts)[] sets = TextSets.Load(shared);
foreach ((string name, string[] texts) in sets)
{
    if (!Validate(name, texts)) { return 1; }
}

Console.WriteLine("| texts | tokenizer | M tokens/s | ratio to FastBertTokenizer | bytes a text |");
Console.WriteLine("| --- | --- | --- | --- | --- |");
foreach ((string name, string[] texts) in sets) { Measure(name, texts); }
Console.WriteLine();
GoldenTable.Write(shared, contestants);
return 0;

// Times nothing before FastBertTokenizer agrees on every ASCII text. Microsoft's differs on some (it does not split at $, ^, + and their like): counted,
// not fatal.
bool Validate(string name, string[] texts)
{
    string[] ascii = [.. texts.Where(text => Ascii.IsValid(text))];
    int[] disagreements = new int[contestants.Length];
    foreach (string text in ascii)
    {
        int[] expected = contestants[0].EncodeAll(text);
        for (int index = 1; index < contestants.Length; index++)
        {
            if (contestants[index].EncodeAll(text).AsSpan().SequenceEqual(expected)) { continue; }
            disagreements[index]++;
            if (index == 1) { Console.Error.WriteLine($"{name}: {contestants[index].Name} differs on: {text}"); }
        }
    }
    string counts = string.Join(", ", contestants.Skip(1).Select((contestant, index) => $"{contestant.Name} {disagreements[index + 1]}"));
    Console.WriteLine($"{name}: {texts.Length} texts, {ascii.Length} of them ASCII; of these differ from ours: {counts}");
    return disagreements[1] == 0;
}

void Measure(string name, string[] texts)
{
    double[] best = new double[contestants.Length];
    long[] bytes = new long[contestants.Length];
    for (int round = -2; round < Rounds; round++)
    {
        for (int index = 0; index < contestants.Length; index++)
        {
            Contestant contestant = contestants[index];
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            long tokens = 0;
            foreach (string text in texts) { tokens += contestant.Encode(text); }
            double rate = tokens / Stopwatch.GetElapsedTime(start).TotalSeconds;
            bytes[index] = (GC.GetAllocatedBytesForCurrentThread() - allocated) / texts.Length;
            // The first two rounds only warm up.
            if (round >= 0) { best[index] = Math.Max(best[index], rate); }
        }
    }
    for (int index = 0; index < contestants.Length; index++)
    {
        Console.WriteLine($"| {name} | {contestants[index].Name} | {best[index] / 1e6:F1} | {best[index] / best[1]:F2} | {bytes[index]} |");
    }
}

static string? FindShared(string[] arguments)
{
    int option = Array.IndexOf(arguments, "--shared");
    if (option >= 0 && option + 1 < arguments.Length) { return arguments[option + 1]; }
    if (Environment.GetEnvironmentVariable("MINILM_SHARED") is { Length: > 0 } given) { return given; }
    for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
    {
        string candidate = Path.Combine(folder.FullName, "shared");
        if (Directory.Exists(Path.Combine(candidate, "golden"))) { return candidate; }
    }
    return null;
}
