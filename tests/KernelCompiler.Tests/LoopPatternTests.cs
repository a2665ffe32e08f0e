using System.Reflection;
using System.Runtime.InteropServices;
using KernelCompiler.Tests.Patterns;
using MiniLM.Cuda.Driver;
using MiniLM.Cuda.Emulator;

namespace KernelCompiler.Tests;

/// <summary>Loops of every shape compute in a kernel what they compute in C#: unrolling must not change a program.</summary>
public sealed class LoopPatternTests
{
    private const string Prefix = "Run";

    private static MethodInfo[] Kernels() =>
        [.. Compiler.Kernels(typeof(LoopPatternTests).Assembly).Where(kernel => kernel.DeclaringType!.Namespace == typeof(PatternKernel).Namespace)];

    /// <summary>Constant loops that are not unrolled (tested at their end, or around a loop whose length isn't constant): these are refused.</summary>
    public static TheoryData<string> Rolled() => ["DoWhilePost", "InnerRuntime", "Triangle"];

    public static TheoryData<string> Names() => [.. Kernels().Select(kernel => kernel.Name[Prefix.Length..]).Except(Rolled().Select(row => row.Data))];

    [Theory, MemberData(nameof(Names))]
    public void AKernelsLoop_GivesWhatTheHostGives(string name)
    {
        MethodInfo kernel = Kernels().Single(kernel => kernel.Name == Prefix + name);
        MethodInfo host = kernel.DeclaringType!.GetMethod(name, BindingFlags.NonPublic | BindingFlags.Static)!;
        uint[] expected = [.. Enumerable.Range(0, PatternKernel.Inputs).Select(i => (uint)host.Invoke(null, [PatternKernel.Input((uint)i)])!)];
        Assert.Equal(expected, Run(kernel.Name, Compiler.Compile(kernel)));
    }

    [Theory, MemberData(nameof(Rolled))]
    public void AConstantLoopThatIsNotUnrolled_IsRefused(string name)
    {
        MethodInfo kernel = Kernels().Single(kernel => kernel.Name == Prefix + name);
        Assert.Contains("did not unroll", Assert.Throws<CompilationException>(() => Compiler.Compile(kernel)).Message, StringComparison.Ordinal);
    }

    private static uint[] Run(string name, string ptx)
    {
        using EmulatedGpu gpu = new(new EmulatedGpuOptions { Capability = 60, IsChecked = true });
        uint[] values = new uint[PatternKernel.Inputs];
        ulong[] to = [gpu.Allocate(values.Length * sizeof(uint))];
        using GpuKernel kernel = gpu.Load(name, ptx);
        gpu.Launch(kernel, new LaunchShape(1, 1, PatternKernel.Inputs, 0), MemoryMarshal.AsBytes<ulong>(to));
        gpu.Download(to[0], MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    [Fact]
    public void TheSameTextComesOutTwiceAndInAnyOrder()
    {
        MethodInfo[] kernels = [.. Kernels().Where(kernel => kernel.DeclaringType == typeof(ArrayLoops))];
        string[] forwards = [.. kernels.Select(Compiler.Compile)], backwards = [.. kernels.Reverse().Select(Compiler.Compile).Reverse()];
        Assert.Equal(forwards, backwards);
    }
}
