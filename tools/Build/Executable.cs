namespace Build;

/// <summary>The published program: one file, compiled ahead of time.</summary>
internal static class Executable
{
    // 13.82 MB were measured on linux-x64 (2026-11-30): the training command, its records and evaluators brought 2.1 MB, most of it LINQ over their records,
    // what users of the peers met (normalizers, JSON and tables, distances) .1 MB, and training on the GPU with gpu-report .6 MB (119 further kernels are
    // .05 MB of it, for all are embedded with relative register numbers now); search on the GPU, a hash without OpenSSL and expressions in Replace .09 MB;
    // objects within objects in YAML and what --overfit warns of .01 MB; rows longer than their header, lists as texts, links to the model .01 MB.
    // Who needs more says so here.
    private const long MostBytes = 13_820_000;

    internal static string File => Path.Combine(Tool.Root, "out", OperatingSystem.IsWindows() ? "minilm.exe" : "minilm");

    internal static void Publish()
    {
        if (OperatingSystem.IsLinux() && !Tool.Exists("clang") && !Tool.Exists("gcc"))
        {
            throw new BuildException("NativeAOT links with clang or gcc, and there is neither: 'apt-get install clang zlib1g-dev' (or gcc), then again");
        }
        string stage = Path.Combine(Tool.Root, "out", "publish");
        Tool.Run("dotnet", "publish", "src/MiniLM.Cli", "-c", "Release", "-o", stage, "--nologo");
        System.IO.File.Move(Path.Combine(stage, Path.GetFileName(File)), File, overwrite: true); // the debug files stay in out/publish
        CopyModels(Path.Combine(Tool.Root, "out"));
        Console.WriteLine($"{File}: ready, with the shipped model in 'models' beside it");
    }

    /// <summary>The shipped models, into the folder of a program.</summary>
    internal static void CopyModels(string folder)
    {
        string models = Path.Combine(folder, "models");
        if (Directory.Exists(models)) { Directory.Delete(models, recursive: true); }
        Tool.CopyFolder(Path.Combine(Tool.Root, "models"), models);
    }

    internal static void CheckSize()
    {
        long bytes = new FileInfo(Require()).Length;
        Console.WriteLine($"{File}: {bytes} bytes, limit {MostBytes}");
        if (bytes > MostBytes) { throw new BuildException($"{File} has {bytes} bytes, over the limit of {MostBytes} (tools/Build/Executable.cs)"); }
    }

    /// <summary>The program's path.</summary>
    /// <exception cref="BuildException">It was not published yet.</exception>
    internal static string Require() => System.IO.File.Exists(File) ? File : throw new BuildException($"{File} is missing: run 'publish' first");
}
