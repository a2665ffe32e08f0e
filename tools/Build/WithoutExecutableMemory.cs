namespace Build;

/// <summary>The published program where the system refuses executable memory: it runs on the next tier and says why.</summary>
internal static class WithoutExecutableMemory
{
    private const int NotSupported = 77; // of the launcher: a kernel before 6.3

    internal static void Run(string program, string model, string folder)
    {
        if (!OperatingSystem.IsLinux()) { return; }
        string launcher = Path.Combine(folder, "launcher"), compiler = Tool.Exists("clang") ? "clang" : "gcc"; // one of them linked the program
        Tool.Run(compiler, "-O1", "-o", launcher, Path.Combine(Tool.Root, "tools", "Build", "deny-executable-memory.c"));
        (int code, string version, string error) = Tool.Capture(launcher, folder, program, "--version");
        if (code == NotSupported)
        {
            Console.WriteLine($"skipped: without executable memory ({error.Trim()})");
            return;
        }
        Require(code == 0 && !version.Contains("avx512", StringComparison.Ordinal), "--version", version + error);
        string devices = Tool.Capture(launcher, folder, program, "devices").Output;
        bool hasAvx512 = Tool.Capture(program, folder, "--version").Output.Contains("avx512", StringComparison.Ordinal);
        Require(!hasAvx512 || devices.Contains("avx2 (the fastest without executable memory)", StringComparison.Ordinal)
            && devices.Contains("refuses executable memory", StringComparison.Ordinal), "devices", devices);
        (code, string embedding, error) = Tool.Capture(launcher, folder, program, "embed", "--model", model, "a text");
        Require(code == 0 && embedding.StartsWith("{\"embedding\":[", StringComparison.Ordinal), "embed", embedding + error);
        Console.WriteLine($"ok without executable memory: {version.Trim()}");
    }

    private static void Require(bool holds, string command, string said)
    {
        if (!holds) { throw new BuildException($"'minilm {command}' without executable memory: it said: {said.ReplaceLineEndings(" ")}"); }
    }
}
