using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MiniLM.Compute;
using MiniLM.Cpu.Jit;

namespace MiniLM.Cpu.Tests;

/// <summary>Cases for every tier: this machine's, and AVX-512's, interpreted where the processor has only AVX2, which its rows are written in.</summary>
internal static class Tiers
{
    /// <summary>Fastest first.</summary>
    internal static readonly CpuTier[] Tested =
        CpuTiers.Supported.Contains(CpuTier.Avx2) ? [.. CpuTiers.Supported.Prepend(CpuTier.Avx512).Distinct()] : CpuTiers.Supported;

    [ModuleInitializer]
    internal static void InterpretWhatThisProcessorHasNot()
    {
        if (CpuTiers.Supported.Contains(CpuTier.Avx512)) { return; } // without AVX512-BF16 too: there bfloat16 is rounded
        ProductKernels.Made[(int)CpuTier.Avx512, (int)Precision.Float32] = new InterpretedProducts(Dot.Float32);
        ProductKernels.Made[(int)CpuTier.Avx512, (int)Precision.BFloat16] = new InterpretedProducts(Dot.BFloat16);
    }

    /// <summary>All up to 70: around each width, its multiples and the unrolling; then real models'.</summary>
    internal static readonly int[] Sizes = [.. Enumerable.Range(1, 70), 95, 96, 97, 100, 128, 384, 1024];

    internal static TheoryData<string> All() => [.. Tested.Select(CpuTiers.Name)];

    /// <summary>Those whose kernels of rows are no faster one's: AVX-512 has AVX2's.</summary>
    internal static TheoryData<string> OfRows() => [.. CpuTiers.Supported.DistinctBy(tier => CpuKernels.For(tier).GetType()).Select(CpuTiers.Name)];

    internal static CpuKernels Kernels(string name) => CpuKernels.For(Named(name));

    internal static CpuTier Named(string name) => Tested.Single(tier => CpuTiers.Name(tier) == name);

    /// <summary>Heights of a strip: all of machine code, made for each; of vectors, which take three rows at a time, the first and the last.</summary>
    internal static IEnumerable<int> Heights(ProductKernels products) =>
        Enumerable.Range(1, products.Tallest).Where(rows => rows <= 14 || rows >= products.Tallest - 1);

    // NaN must not pass: !(difference <= tolerance). The message, which costs more than what it is about, is made of a failure alone.
    internal static void Close(double expected, double actual, double tolerance, string what)
    {
        if (!(Math.Abs(expected - actual) <= tolerance)) { Assert.Fail($"{what}: expected {expected:R}, got {actual:R}, tolerance {tolerance:R}"); }
    }

    private sealed unsafe class InterpretedProducts(Dot dot) : Avx512Products(dot)
    {
        private protected override nint Load(byte[] code) => GCHandle.ToIntPtr(GCHandle.Alloc(new Avx512Interpreter(code, OperatingSystem.IsWindows())));

        private protected override void Run(nint kernel, void* call) => ((Avx512Interpreter)GCHandle.FromIntPtr(kernel).Target!).Run(call);
    }
}
