namespace MiniLM.Tests;

/// <summary>The folder of goldens, data and real weights: <c>MINILM_SHARED</c>, else <c>shared</c> found walking up from the test's folder.</summary>
internal static class SharedFolder
{
    /// <summary>Null in a clone that has none: tests that need it are then skipped, visibly.</summary>
    internal static string? Root { get; } = Find();

    /// <summary>A path inside the folder; skips the calling test when the folder, or the path in it, is absent.</summary>
    internal static string Require(params string[] parts)
    {
        Assert.SkipWhen(Root is null, "skipped: no shared folder found (set MINILM_SHARED or put 'shared' above the repository)");
        string path = Path.Combine([Root!, .. parts]);
        Assert.SkipUnless(Path.Exists(path), $"skipped: the shared folder {Root} has no {Path.Combine(parts)}");
        return path;
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("MINILM_SHARED") is { Length: > 0 } given)
        {
            return Directory.Exists(given) ? given : throw new DirectoryNotFoundException($"MINILM_SHARED={given}: no such folder");
        }
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "shared");
            if (Directory.Exists(Path.Combine(candidate, "golden"))) { return candidate; }
        }
        return null;
    }
}
