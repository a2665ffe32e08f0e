namespace MiniLM.Cpu.Tests;

/// <summary>Cases for every tier of this machine.</summary>
internal static class Tiers
{
    internal static TheoryData<string> All()
    {
        var tiers = new TheoryData<string>();
        foreach (CpuTier tier in CpuTiers.Supported) { tiers.Add(CpuTiers.Name(tier)); }
        return tiers;
    }

    internal static TheoryData<string, int> With(params int[] sizes)
    {
        var cases = new TheoryData<string, int>();
        foreach (CpuTier tier in CpuTiers.Supported)
        {
            foreach (int size in sizes) { cases.Add(CpuTiers.Name(tier), size); }
        }
        return cases;
    }

    internal static CpuKernels Kernels(string name) => CpuKernels.For(CpuTiers.Supported.Single(tier => CpuTiers.Name(tier) == name));

    internal static void Close(double expected, double actual, double tolerance, string what) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"{what}: expected {expected:R}, got {actual:R}, tolerance {tolerance:R}");
}
