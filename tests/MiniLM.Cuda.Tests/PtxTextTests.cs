using System.Runtime.CompilerServices;

namespace MiniLM.Cuda.Tests;

public sealed class PtxTextTests
{
    [Fact]
    public void EmbeddedTexts_AreTheCommittedOnes()
    {
        string[] files = Directory.GetFiles(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "kernels", "ptx"), "*.ptx");
        Assert.Equal(KernelInfo.All.Keys.Order(StringComparer.Ordinal),
            files.Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal));
        foreach (string file in files) { Assert.Equal(File.ReadAllText(file), KernelInfo.Ptx(Path.GetFileNameWithoutExtension(file))); }
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("mov.u32 %r-1~, %tid.x;\n.reg .pred %p<15>;", "mov.u32 %r1, %tid.x;\n.reg .pred %p<15>;")]
    [InlineData("%r-42~ %rd-7~ %r2~ %r-1~ %rd0~ %f0~", "%r42 %rd7 %r40 %r43 %rd7 %f0")]
    [InlineData("50 % %", "50 % %")]
    public void Registers_AreNumberedFromTheGreatestSoFar(string embedded, string text) => Assert.Equal(text, PtxText.Numbered(embedded));

    private static string Here([CallerFilePath] string path = "") => path;
}
