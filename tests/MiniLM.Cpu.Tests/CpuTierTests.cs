namespace MiniLM.Cpu.Tests;

public sealed class CpuTierTests
{
    [Fact]
    public void Choose_TakesTheFastestUnlessOneIsNamed()
    {
        Assert.Equal(CpuTiers.Supported[0], CpuTiers.Choose(null));
        Assert.Equal(CpuTiers.Supported[0], CpuTiers.Choose(""));
        foreach (CpuTier tier in CpuTiers.Supported) { Assert.Equal(tier, CpuTiers.Choose(CpuTiers.Name(tier))); }
    }

    [Theory]
    [InlineData("amx")]
    [InlineData("avx1024")]
    [InlineData("Scalar")]
    public void Choose_RefusesATierThatIsUnknownOrHasNoKernels(string name)
    {
        string message = Assert.Throws<ArgumentException>(() => CpuTiers.Choose(name)).Message;
        Assert.Contains($"MINILM_CPU={name}", message, StringComparison.Ordinal);
        Assert.Contains("scalar", message, StringComparison.Ordinal);
    }
}
