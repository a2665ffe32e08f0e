namespace Build;

/// <summary>The command compiles for systems other than this one. Only linux-arm64 is linked: the others take a machine of their kind.</summary>
internal static class CrossCompile
{
    private static readonly string[] Systems = ["win-x64", Arm64.System, "osx-arm64"];

    /// <summary>Arguments of all three: folders and a lock file of their own, for the repository's are for the system that publishes; the libraries, which
    /// are the same for each system, are compiled there once. The analyzers have had their say in the build for this system.</summary>
    internal static string[] Of(string system) =>
    [
        "src/MiniLM.Cli", "-c", "Release", "-r", system, "--nologo", "--artifacts-path", Path.Combine("out", "cross"),
        "-p:RunAnalyzers=false", "-p:RestoreLockedMode=false", "-p:NuGetLockFilePath=obj/cross.lock.json",
    ];

    internal static void Run()
    {
        foreach (string system in Systems)
        {
            Console.WriteLine($"-- {system}");
            if (system == Arm64.System && Arm64.Publish()) { continue; }
            Tool.Run("dotnet", ["build", .. Of(system), "-p:PublishAot=false", "-p:UseAppHost=false"]);
        }
    }
}
