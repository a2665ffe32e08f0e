using MiniLM.Kernels;

namespace KernelCompiler.Tests;

public sealed class CommittedTextTests
{
    private static readonly CommittedTexts Committed = new(CommittedTexts.RepositoryRoot());
    private static readonly Lazy<Dictionary<string, string>> Made = new(Committed.Make); // takes seconds

    [Fact]
    public void TheCommittedTextsAreWhatTheCompilerMakes() => Assert.Empty(Committed.Differences(Made.Value));

    [Fact]
    public void ADamagedAMissingAndAStaleTextAreNamed()
    {
        string root = Path.Combine(Path.GetTempPath(), $"kernels-{Guid.NewGuid():N}"), ptx = Path.Combine(root, "kernels", "ptx");
        try
        {
            Directory.CreateDirectory(ptx);
            foreach (string path in Directory.GetFiles(Committed.Folder)) { File.Copy(path, Path.Combine(ptx, Path.GetFileName(path))); }
            File.AppendAllText(Path.Combine(ptx, "GemmMmaF16.ptx"), "\n");
            File.Delete(Path.Combine(ptx, "NormalizeF32.ptx"));
            File.WriteAllText(Path.Combine(ptx, "Gone.ptx"), "");
            Assert.Equal(["GemmMmaF16.ptx: differs", "Gone.ptx: no kernel of that name", "NormalizeF32.ptx: missing"],
                new CommittedTexts(root).Differences(Made.Value).Order(StringComparer.Ordinal));
        }
        finally { Directory.Delete(root, recursive: true); }
    }

    [Fact]
    public void AKernelGivesTheSameTextTwiceAndInAnotherOrder()
    {
        string[] names = ["GemmSimtF32", "NormalizeF32", "AttentionMma32F16"];
        string[] Texts(IEnumerable<string> order) =>
            [.. order.Select(name => (name, Compiler.Compile(Compiler.Kernels(typeof(GemmMma).Assembly).Single(kernel => kernel.Name == name))))
                .OrderBy(text => text.name, StringComparer.Ordinal).Select(text => text.Item2)];
        Assert.Equal(Texts(names), Texts(names.Reverse()));
    }
}
