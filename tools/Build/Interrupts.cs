using System.Diagnostics;

namespace Build;

/// <summary>How long each command goes on after Ctrl-C, in the middle of its work: printed, not tested, since only a quiet machine tells.</summary>
internal static class Interrupts
{
    private const int Interrupt = 2, Repeats = 3, Rows = 3_000_000;

    internal static void Run()
    {
        string program = Executable.Require(), folder = Directory.CreateTempSubdirectory("minilm-interrupt-").FullName;
        try
        {
            Directory.CreateSymbolicLink(Path.Combine(folder, "models"), Path.Combine(Tool.Root, "models"));
            string text = string.Join(' ', Enumerable.Repeat("the boundary layer of a flat plate in supersonic flow", 40));
            File.WriteAllLines(Path.Combine(folder, "texts.jsonl"),
                Enumerable.Range(0, 50_000).Select(i => $"{{\"_id\": \"{i}\", \"title\": \"\", \"text\": \"{text}\"}}"));
            File.WriteAllLines(Path.Combine(folder, "pairs.tsv"), Enumerable.Repeat($"{text}\t{text}", 50_000).Prepend("a\tb"));
            File.WriteAllLines(Path.Combine(folder, "few.tsv"), Enumerable.Range(0, 2_000).Select(i => $"{text} {i}\tflow {i}").Prepend("a\tb"));
            Tool.Run(program, "index", "--dense", "--corpus", Path.Combine(Tool.Root, "samples", "cranfield", "corpus.jsonl"),
                "--output", Path.Combine(folder, "small"));
            File.WriteAllLines(Path.Combine(folder, "q.tsv"), Enumerable.Range(0, 200_000).Select(i => $"q{i}\tflow {i}"));
            File.WriteAllLines(Path.Combine(folder, "scores.jsonl"),
                Enumerable.Range(0, Rows).Select(i => $$"""{"index":{{i}},"score":{{i * 7919L % Rows}}.5}"""));
            File.WriteAllLines(Path.Combine(folder, "labels.tsv"), Enumerable.Range(0, Rows).Select(i => $"{i}\t{i % 2}").Prepend("index\tlabel"));
            Tool.CopyFolder(Path.Combine(Tool.Root, "tests", "Fixtures", "models", "bert"), Path.Combine(folder, "model"));
            Console.WriteLine($"{"ms",6}  {"code",4}  command (interrupted after; the longest of {Repeats})");
            foreach ((double after, string[] arguments) in Cases)
            {
                (double most, int code) = (0, 0);
                for (int repeat = 0; repeat < Repeats; repeat++)
                {
                    (double milliseconds, int ended) = Time(program, folder, after * (1 + .3 * repeat), arguments);
                    (most, code) = (Math.Max(most, milliseconds), ended);
                    if (Directory.Exists(Path.Combine(folder, "trained"))) { Directory.Delete(Path.Combine(folder, "trained"), recursive: true); }
                    foreach (string left in Directory.EnumerateFileSystemEntries(folder, "*.partial*").ToArray())
                    {
                        if (Directory.Exists(left)) { Directory.Delete(left, recursive: true); } else { File.Delete(left); }
                    }
                }
                Console.WriteLine($"{most,6:f0}  {code,4}  {string.Join(' ', arguments)} ({after} s)");
            }
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    private static readonly (double After, string[] Arguments)[] Cases =
    [
        (.015, ["embed", "a text"]), // the load
        (.8, ["embed", "--input", "texts.jsonl", "--column", "text", "--output", "a.npy"]),
        (1, ["embed", "--input", "texts.jsonl", "--column", "text", "--device", "reference", "--output", "a.npy"]),
        (2, ["embed", "--input", "texts.jsonl", "--column", "text", "--device", "emulated", "--output", "a.npy"]),
        (2, ["embed", "--input", "texts.jsonl", "--column", "text", "--device", "emulated", "--precision", "float16", "--output", "a.npy"]),
        (.8, ["similarity", "--input", "pairs.tsv", "--columns", "a,b", "--output", "s.jsonl"]),
        (.8, ["rerank", "--pairs", "pairs.tsv", "--columns", "a,b", "--output", "s.jsonl"]),
        (.8, ["index", "--dense", "--corpus", "texts.jsonl", "--output", "index"]),
        (1, ["search", "--index", "small", "--queries", "q.tsv", "--output", "out.run"]),
        (1, ["search", "--index", "small", "--queries", "q.tsv", "--device", "reference", "--output", "out.run"]),
        (.3, ["tokenize", "--input", "texts.jsonl", "--column", "text", "--json"]),
        (1, ["bench", "--shapes", "64x256"]),
        (2, ["bench", "--shapes", "16x256", "--device", "reference"]),
        (2, ["bench", "--shapes", "16x256", "--device", "emulated"]),
        (1, ["profile", "--shapes", "64x256"]),
        (2, ["profile", "--shapes", "32x128", "--device", "emulated", "--precision", "float16"]),
        (1.2, ["evaluate", "pairs", "--scores", "scores.jsonl", "--labels", "labels.tsv"]), // sorts
        (2, ["calibrate", "--model", "model", "--scores", "scores.jsonl", "--labels", "labels.tsv", "--method", "isotonic", "--overwrite"]),
        (.05, ["convert", "--dtype", "float32", "--output", "f32"]),
        (5, ["train", "--task", "bi-encoder", "--train", "few.tsv", "--columns", "a,b", "--loss", "MultipleNegativesRanking", "--output-dir", "trained"]),
    ];

    private static (double Milliseconds, int Code) Time(string program, string folder, double after, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (process.WaitForExit(TimeSpan.FromSeconds(after))) { throw new BuildException($"{string.Join(' ', arguments)} ended before it was interrupted"); }
        long sent = Stopwatch.GetTimestamp();
        Tool.Signal(process, Interrupt);
        process.WaitForExit(Timeout.InfiniteTimeSpan); // not WaitForExit(), which goes on until this program has read all that is in the pipe
        return (Stopwatch.GetElapsedTime(sent).TotalMilliseconds, process.ExitCode);
    }
}
