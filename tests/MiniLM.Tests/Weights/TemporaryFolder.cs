namespace MiniLM.Tests.Weights;

/// <summary>A folder that is gone when the test is.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    internal string Path { get; } = Directory.CreateTempSubdirectory("minilm-test-").FullName;

    internal string File(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>A writable copy of a folder, subfolders too.</summary>
    internal string Copy(string source, string name = "model")
    {
        string target = File(name);
        Directory.CreateDirectory(target);
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string to = System.IO.Path.Combine(target, System.IO.Path.GetRelativePath(source, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(to)!);
            System.IO.File.WriteAllBytes(to, System.IO.File.ReadAllBytes(file)); // not File.Copy: goldens are read-only
        }
        return target;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
