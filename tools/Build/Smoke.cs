namespace Build;

/// <summary>Every command of the published program, once, on the fixtures: exit codes and what comes out.</summary>
internal static class Smoke
{
    private static readonly string[] Lines = ["the wing in a slipstream", "heat transfer at high speed", "a boundary layer on a flat plate"];

    private static string Model => Path.Combine(Tool.Root, "tests", "Fixtures", "models", "bert");

    internal static void Run()
    {
        string program = Executable.Require();
        string folder = Directory.CreateTempSubdirectory("minilm-smoke-").FullName;
        try
        {
            HashSet<string> seen = Check(program, folder, _ => true);
            WithoutExecutableMemory.Run(program, Model, folder);
            WithoutOpenSsl.Run(program, Model, folder);
            CheckCopy(program, folder);
            string[] missing = [.. Commands(program, folder).Where(command => !seen.Contains(command))];
            if (missing.Length > 0) { throw new BuildException($"no smoke test of {string.Join(", ", missing)}: add one to tools/Build/Smoke.cs"); }
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    /// <summary>Runs cases one after the other; some need the outputs of earlier ones.</summary>
    /// <returns>The commands that were run.</returns>
    internal static HashSet<string> Check(string program, string folder, Func<SmokeCase, bool> isWanted)
    {
        WriteInputs(folder);
        Tool.CopyFolder(Model, Path.Combine(folder, "calibrated")); // calibrate writes there
        HashSet<string> seen = [];
        foreach (SmokeCase one in Cases(Model).Where(isWanted))
        {
            seen.Add(one.Arguments[0]);
            one.Check(program, folder);
        }
        if (Directory.EnumerateFileSystemEntries(folder, "*.partial*").FirstOrDefault() is { } left) { throw new BuildException($"{left} was left behind"); }
        return seen;
    }

    // The program with the models beside it, elsewhere, by a link, from a folder that knows of neither.
    private static void CheckCopy(string program, string folder)
    {
        string copy = Path.Combine(folder, "copy"), link = Path.Combine(folder, "linked");
        Tool.CopyFolder(Path.Combine(Path.GetDirectoryName(program)!, "models"), Path.Combine(copy, "models"));
        File.Copy(program, Path.Combine(copy, Path.GetFileName(program)));
        if (!OperatingSystem.IsWindows()) { File.CreateSymbolicLink(link, Path.Combine(copy, Path.GetFileName(program))); }
        new SmokeCase("embed", "a text") { Prints = "{\"embedding\":[" }.Check(OperatingSystem.IsWindows() ? Path.Combine(copy, "minilm.exe") : link, folder);
    }

    private static IEnumerable<SmokeCase> Cases(string model) =>
    [
        new("--version") { Prints = "minilm " },
        new("help", "embed") { Prints = "Embeds a text" },
        new("devices", "--json") { Prints = "\"name\":\"cpu\"" },
        new("inspect", model, "--json") { Prints = "\"kind\":\"bi-encoder\"" },
        new("embed", "--model", model, "a text") { Prints = "{\"embedding\":[" },
        new("embed", "--model", model, "--input", "texts.jsonl", "--column", "text", "--output", "rows.npy") { Writes = ("rows.npy", 128 + 3 * 32 * 4) },
        new("tokenize", "--model", model, "--input", "texts.jsonl", "--column", "text", "--json") { Prints = "{\"ids\":[", OutputLines = 3 },
        new("similarity", "--model", model, "--input", "pairs.tsv", "--columns", "a,b", "--output", "pairs.jsonl") { Writes = ("pairs.jsonl", null) },
        new("rerank", "--model", model, "--pairs", "pairs.tsv", "--columns", "a,b", "--output", "scores.jsonl") { Writes = ("scores.jsonl", null) },
        new("index", "--dense", "--model", model, "--corpus", "corpus.jsonl", "--output", "index") { Writes = ("index/vectors.f32", 3 * 32 * 4) },
        new("search", "--index", "index", "--queries", "q.tsv", "--top-k", "2", "--output", "out.run") { Writes = ("out.run", null) },
        new("search", "--index", "index", "heat", "--json") { Prints = "\"rank\":1", OutputLines = 3 },
        new("rerank", "--model", model, "--queries", "q.tsv", "--corpus", "corpus.jsonl", "--run", "out.run", "--output", "again.run")
        {
            Writes = ("again.run", null),
        },
        new("fuse", "out.run", "again.run", "--output", "fused.run") { Writes = ("fused.run", null) },
        new("evaluate", "run", "--qrels", "qrels.txt", "--run", "out.run", "--run", "fused.run", "--json") { Prints = "\"nDCG@10\":" },
        new("evaluate", "run", "--qrels", "qrels.txt", "--run", "out.run", "--html", "report.html") { Writes = ("report.html", null) },
        new("evaluate", "pairs", "--scores", "pairs.jsonl", "--labels", "labels.tsv", "--json") { Prints = "\"f1\":" },
        new("explain-run", "--qrels", "qrels.txt", "--first", "out.run", "--corpus", "corpus.jsonl", "--depth", "1", "--json") { Prints = "\"lost\":" },
        new("mine", "--model", model, "--queries", "q.tsv", "--corpus", "corpus.jsonl", "--qrels", "qrels.txt", "--num-negatives", "1",
            "--output", "triplets.jsonl")
        {
            Writes = ("triplets.jsonl", null),
        },
        new("calibrate", "--model", "calibrated", "--scores", "pairs.jsonl", "--labels", "labels.tsv", "--json")
        {
            Writes = ("calibrated/calibration.json", null),
        },
        new("data", "deduplicate", "--input", "texts.jsonl", "--column", "text", "--output", "clean.jsonl") { Writes = ("clean.jsonl", null) },
        new("data", "split", "--input", "texts.jsonl", "--sizes", "2,1", "--output", "parts") { Writes = ("parts/train.jsonl", null) },
        new("submit", "checkthat", "--run", "out.run", "--top-k", "2", "--output", "predictions.tsv") { Writes = ("predictions.tsv", null) },
        new("convert", "--model", model, "--dtype", "float16", "--output", "half") { Writes = ("half/model.safetensors", null) },
        new("convert", "--model", model, "--to", "onnx", "--output", "model.onnx") { Writes = ("model.onnx", null) },
        new("convert", "--model", model, "--layers", "0,2", "--output", "two") { Writes = ("two/model.safetensors", null) },
        new("create", "--config", Path.Combine(model, "config.json"), "--vocab", Path.Combine(model, "vocab.txt"), "--seed", "1", "--output", "new")
        {
            Writes = ("new/tokenizer.json", null),
        },
        new("embed", "--model", "new", "a text") { Prints = "{\"embedding\":[" },
        new("train", "--task", "bi-encoder", "--model", model, "--train", "pairs.tsv", "--columns", "a,b", "--loss", "MultipleNegativesRanking", "--config",
            "run.yaml", "--html", "run.html", "--output-dir", "trained") { Writes = ("trained/checkpoint-2/optimizer.safetensors", null) },
        new("inspect", "half") { Prints = "F16" },
        // One thread: on a busy machine another may sleep for the first time while it is measured, for which the runtime allocates.
        new("bench", "--model", model, "--shapes", "1x8", "--threads", "1", "--json") { Prints = "\"allocated_bytes\":0" },
        new("bench", "--tokenizer", "--model", model, "--input", "texts.jsonl", "--column", "text", "--json") { Prints = "\"allocated_bytes\":0" },
        new("profile", "--model", model, "--shapes", "1x8", "--json", "--html", "page.html") { Prints = "\"roof_percent\":", Writes = ("page.html", null) },
        new("profile", "--train", "--model", model, "--shapes", "1x8", "--json") { Prints = "\"phases\":" },
        new("profile", "--model", model, "--device", "emulated", "--precision", "float16", "--trace", "trace.json")
        {
            Prints = "predicted",
            Writes = ("trace.json", null),
        },
        new("embed", "--model", model, "--device", "emulated", "a text") { Prints = "{\"embedding\":[" },
        new("embed", "--model", model, "--device", "emulated:sm_60", "--precision", "float16", "a text") { Prints = "{\"embedding\":[" },
        new("ptx", "check", Path.Combine(Tool.Root, "kernels", "ptx", "GemmMmaF16.ptx"), "--json") { Prints = "\"clean\":true" },
        new("embed", "--model", "./nowhere", "a text") { Code = 1 },
        new("inspect", "./nowhere") { Code = 1 },
        new("convert", "--model", model, "--dtype", "float16", "--output", "half") { Code = 1 },
        new("embed", "--modle", model, "a text") { Code = 2 },
        new("devices", "--jsn") { Code = 2 },
        new("gpu-report", "--device", "cpu", "--output", "report.json") { Code = 2 }, // of a GPU or the emulator it takes minutes
    ];

    // The names under "Commands:" in the help.
    private static IEnumerable<string> Commands(string program, string folder) => Tool.Capture(program, folder, "--help").Output.Split('\n')
        .SkipWhile(line => line != "Commands:").Skip(1).TakeWhile(line => line.StartsWith("  ", StringComparison.Ordinal))
        .Select(line => line.Trim().Split(' ')[0]);

    private static void WriteInputs(string folder)
    {
        Write("texts.jsonl", Lines.Select(line => $"{{\"text\": \"{line}\"}}"));
        Write("corpus.jsonl", Lines.Select((line, i) => $"{{\"_id\": \"d{i}\", \"title\": \"\", \"text\": \"{line}\"}}"));
        Write("q.tsv", ["q1\theat transfer", "q2\twing"]);
        Write("run.yaml", ["max_steps: 2", "logging_steps: 1", "ignore_warnings: [large-batch, same-texts, repeated-texts]"]);
        Write("pairs.tsv", ["a\tb", $"{Lines[0]}\t{Lines[1]}", $"{Lines[0]}\t{Lines[0]}"]);
        Write("labels.tsv", ["index\tlabel", "0\t0", "1\t1"]);
        Write("qrels.txt", ["q1 0 d1 1", "q2 0 d0 1"]);

        void Write(string name, IEnumerable<string> lines) => File.WriteAllText(Path.Combine(folder, name), string.Concat(lines.Select(line => line + "\n")));
    }
}
