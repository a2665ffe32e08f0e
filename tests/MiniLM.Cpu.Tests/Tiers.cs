namespace MiniLM.Cpu.Tests;

/// <summary>Cases for every tier of this machine.</summary>
internal static class Tiers
{
    /// <summary>All up to 70: around each width, its multiples and the unrolling; then real models'.</summary>
    internal static readonly int[] Sizes = [.. Enumerable.Range(1, 70), 95, 96, 97, 100, 128, 384, 1024];

    internal static TheoryData<string> All()
    {
        var tiers = new TheoryData<string>();
        foreach (CpuTier tier in CpuTiers.Supported) { tiers.Add(CpuTiers.Name(tier)); }
        return tiers;
    }

    internal static CpuKernels Kernels(string name) => CpuKernels.For(CpuTiers.Supported.Single(tier => CpuTiers.Name(tier) == name));

    /// <summary>Heights of a strip: all of machine code, made for each; of vectors, which take three rows at a time, the first and the last.</summary>
    internal static IEnumerable<int> Heights(ProductKernels products) =>
        Enumerable.Range(1, products.Tallest).Where(rows => rows <= 14 || rows >= products.Tallest - 1);

    // NaN must not pass: !(difference <= tolerance). The message, which costs more than what it is about, is made of a failure alone.
    internal static void Close(double expected, double actual, double tolerance, string what)
    {
        if (!(Math.Abs(expected - actual) <= tolerance)) { Assert.Fail($"{what}: expected {expected:R}, got {actual:R}, tolerance {tolerance:R}"); }
    }
}
