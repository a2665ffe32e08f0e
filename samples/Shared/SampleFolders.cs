namespace Samples;

/// <summary>Where a sample reads and writes.</summary>
internal static class SampleFolders
{
    /// <summary>A folder of data: as it is given, else <c>MINILM_SHARED/data/NAME</c>, else <c>shared/data/NAME</c> in a folder above.</summary>
    internal static string Data(string name, string? given)
    {
        if (given is not null) { return given; }
        if (Environment.GetEnvironmentVariable("MINILM_SHARED") is { Length: > 0 } shared) { return Path.Combine(shared, "data", name); }
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "shared", "data", name);
            if (Directory.Exists(candidate)) { return candidate; }
        }
        throw new DirectoryNotFoundException($"data of {name}: give their folder, --data DIR");
    }

    /// <summary>out/NAME in the repository.</summary>
    internal static string Output(string name)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Engine.sln")))
            {
                return Directory.CreateDirectory(Path.Combine(folder.FullName, "out", name)).FullName;
            }
        }
        throw new DirectoryNotFoundException("Engine.sln is in no folder above this program");
    }
}
