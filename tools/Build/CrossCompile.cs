namespace Build;

/// <summary>The command compiles for systems other than this one. Only linux-arm64 is linked: the others take a machine of their kind.</summary>
internal static class CrossCompile
{
    private static readonly string[] Systems = ["win-x64", Arm64.System, "osx-arm64"];

    internal static void Run()
    {
        foreach (string system in Systems)
        {
            Console.WriteLine($"-- {system}");
            if (system == Arm64.System && Arm64.Publish()) { continue; }
            // Folders and lock files of its own: the repository's are for the system that publishes.
            Tool.Run("dotnet", "build", "src/MiniLM.Cli", "-c", "Release", "-r", system, "--nologo", "--artifacts-path", Path.Combine("out", "cross", system),
                "-p:RunAnalyzers=false", // once is enough: the build for this system has them
                "-p:PublishAot=false", "-p:UseAppHost=false", "-p:RestoreLockedMode=false", $"-p:NuGetLockFilePath=obj/{system}.lock.json");
        }
    }
}
