namespace MiniLM.Tests.Weights;

/// <summary><c>tests/Fixtures</c> of this checkout, found walking up from the test's folder.</summary>
internal static class FixtureFolder
{
    internal static string Path(params string[] parts)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = System.IO.Path.Combine([folder.FullName, "tests", "Fixtures", .. parts]);
            if (System.IO.Path.Exists(candidate)) { return candidate; }
        }
        throw new DirectoryNotFoundException($"no tests/Fixtures/{string.Join('/', parts)} above {AppContext.BaseDirectory}");
    }
}
