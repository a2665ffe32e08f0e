namespace Build;

/// <summary>The program for Arm, linked here; under qemu it must pass the smoke test and give the bits of the vector128 tier of this processor.</summary>
internal static class Arm64
{
    internal const string System = "linux-arm64";

    private const string Linker = "aarch64-linux-gnu-gcc", ObjCopy = "llvm-objcopy", Emulator = "qemu-aarch64-static", Libraries = "/usr/aarch64-linux-gnu";

    private const string DistilBert =
        """{"model_type":"distilbert","vocab_size":200,"dim":32,"n_layers":2,"n_heads":4,"hidden_dim":64,"max_position_embeddings":64}""";

    // Letters, marks that are moved, another script, nothing, more than a line.
    private static readonly string[] Texts =
    [
        "heat transfer in a boundary layer", "q\\u0304\\u302f \\u0939\\u093f\\u0928\\u094d\\u0926\\u0940", "",
        string.Join(' ', Enumerable.Repeat("the wing in a slipstream, 42 % of it", 20)),
    ];

    private static string Folder => Path.Combine(Tool.Root, "out", System);

    private static string Program => Path.Combine(Folder, "minilm");

    /// <summary>Compiles and links it, where the tools for that are.</summary>
    /// <returns>False: they are not.</returns>
    internal static bool Publish()
    {
        string[] missing = [.. new[] { "clang", "ld.lld", ObjCopy, Linker }.Where(tool => !Tool.Exists(tool))];
        if (!OperatingSystem.IsLinux() || missing.Length > 0)
        {
            Console.WriteLine($"linux-arm64 is only compiled, NOT linked: there is no {string.Join(", ", missing)} "
                + "(apt-get install clang lld llvm gcc-aarch64-linux-gnu)");
            return false;
        }
        Tool.Run("dotnet", ["publish", .. CrossCompile.Of(System), "-o", Folder, "-p:LinkerFlavor=lld", $"-p:ObjCopyName={ObjCopy}"]);
        Executable.CopyModels(Folder);
        Console.WriteLine($"{Program}: {new FileInfo(Program).Length} bytes");
        return true;
    }

    /// <summary>Runs it, where that can be done.</summary>
    internal static void Run()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists(Program) || !Tool.Exists(Emulator) || !Directory.Exists(Libraries))
        {
            Console.WriteLine($"linux-arm64 was NOT run: it takes {Program} ('cross') and {Emulator} (apt-get install qemu-user-static gcc-aarch64-linux-gnu)");
            return;
        }
        string emulated = Path.Combine(Folder, "emulated");
        File.WriteAllText(emulated, $"#!/bin/sh\nexec {Emulator} -L {Libraries} '{Program}' \"$@\"\n");
        File.SetUnixFileMode(emulated, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        // For both: here the tier whose bits are compared, there the only vectors. Side by side, for most of the time it is one thread that qemu translates.
        Environment.SetEnvironmentVariable("MINILM_CPU", "vector128");
        Task smoke = Task.Run(() => InFolder(folder => Smoke.Check(emulated, folder, IsForQemu)));
        try { InFolder(folder => Compare(emulated, folder)); }
        finally
        {
            smoke.GetAwaiter().GetResult();
            Environment.SetEnvironmentVariable("MINILM_CPU", null);
        }
    }

    private static void InFolder(Action<string> run)
    {
        string folder = Directory.CreateTempSubdirectory("minilm-arm64-").FullName;
        try { run(folder); }
        finally { Directory.Delete(folder, recursive: true); }
    }

    // Left out: what measures times, which mean nothing there, and the GPU's emulator, which would be emulated itself, at a minute a run.
    private static bool IsForQemu(SmokeCase one) => one.Arguments[0] is not ("bench" or "profile") && !one.Arguments.Any(argument =>
        argument.StartsWith("emulated", StringComparison.Ordinal));

    // GELU of the shipped model, its tanh form, MPNet's distances, DistilBERT's order of layers, the tanh of a pooler and the sigmoid of a cross-encoder, and
    // the hash of a model's files, which an index holds.
    private static void Compare(string emulated, string folder)
    {
        string program = Executable.Require(), fixtures = Path.Combine(Tool.Root, "tests", "Fixtures", "models");
        File.WriteAllLines(Path.Combine(folder, "texts.jsonl"), Texts.Select(text => $"{{\"text\":\"{text}\"}}"));
        File.WriteAllLines(Path.Combine(folder, "corpus.tsv"), [$"1\t{Texts[0]}", $"2\t{Texts[3]}"]);
        File.WriteAllLines(Path.Combine(folder, "pairs.tsv"), ["a\tb", $"{Texts[0]}\t{Texts[3]}", $"{Texts[3]}\theat transfer"]);
        string config = File.ReadAllText(Path.Combine(fixtures, "bert", "config.json")).Replace("\"gelu\"", "\"gelu_new\"", StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder, "config.json"), config);
        File.WriteAllText(Path.Combine(folder, "distilbert.json"), DistilBert);
        string vocabulary = Path.Combine(fixtures, "bert", "vocab.txt");
        new SmokeCase("create", "--config", "config.json", "--vocab", vocabulary, "--output", "tanh").Check(program, folder);
        new SmokeCase("create", "--config", "distilbert.json", "--vocab", vocabulary, "--output", "distilbert").Check(program, folder);
        new SmokeCase("convert", "--model", "tanh", "--num-labels", "1", "--seed", "1", "--output", "cross").Check(program, folder);
        foreach (string model in new[] { Path.Combine(Tool.Root, "models", "all-MiniLM-L6-v2"), "tanh", Path.Combine(fixtures, "mpnet"), "distilbert" })
        {
            CompareOutput(4, "embed", "--model", model, "--input", "texts.jsonl");
        }
        CompareOutput(2, "rerank", "--model", "cross", "--pairs", "pairs.tsv", "--columns", "a,b");
        new SmokeCase("index", "--dense", "--model", "tanh", "--corpus", "corpus.tsv", "--output", "index").Check(program, folder);
        CompareOutput(2, "search", "--index", "index", "--json", "heat");

        // Floats are written so that they read back as the same bits: equal text is equal bits.
        void CompareOutput(int rows, params string[] arguments)
        {
            (int code, string output, string error) = Tool.Capture(program, folder, arguments);
            (_, string there, string errorThere) = Tool.Capture(emulated, folder, arguments);
            if (code != 0 || output.Count(c => c == '\n') != rows || there != output)
            {
                throw new BuildException($"'minilm {string.Join(' ', arguments)}' gives other bits on linux-arm64 than on the vector128 tier here. "
                    + $"They said: {error.ReplaceLineEndings(" ")}{errorThere.ReplaceLineEndings(" ")}");
            }
            Console.WriteLine($"same bits on linux-arm64: minilm {string.Join(' ', arguments)}, {rows} rows");
        }
    }
}
