using System.Runtime.CompilerServices;

namespace KernelCompiler.Tests;

/// <summary>What would be compiled wrongly or slowly is refused; the message names the kernel and the C# line.</summary>
public sealed class RefusalTests
{
    [Theory]
    [InlineData("RunTimeIndex", "not in registers")]
    [InlineData("LoopAroundALoop", "a loop of 8 constant steps did not unroll")]
    [InlineData("LoopWithoutEnd", "does not end at one within 64 steps")]
    [InlineData("LibraryCall", "FusedMultiplyAdd")]
    [InlineData("Recursion", "call")]
    [InlineData("ThrownException", "Throw")]
    public void AKernelIsRefusedByNameAndLine(string name, string reason)
    {
        var kernel = Compiler.Kernels(typeof(RefusedKernels).Assembly).Single(kernel => kernel.Name == name);
        string message = Assert.Throws<CompilationException>(() => Compiler.Compile(kernel)).Message;
        Assert.StartsWith(name + ":", message, StringComparison.Ordinal);
        Assert.Contains(reason, message, StringComparison.Ordinal);
        Assert.Contains($"RefusedKernels.cs:{LineAfter(" " + name + "(")}", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(typeof(ConstantDivision), "Half"), InlineData(typeof(ConstantRemainder), "Odd")]
    public void ADivisionByAConstantIsRefusedByNameAndLine(Type type, string method)
    {
        string message = Assert.Throws<CompilationException>(() => ConstantDivisions.Refuse(type)).Message;
        Assert.StartsWith($"{type.Name}.{method}: RefusedKernels.cs:{LineAfter("class " + type.Name)}: a division by a constant", message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void DivisionsByVariablesAndOfFloatsAreTaken() => ConstantDivisions.Refuse(typeof(DivisionByAVariable));

    /// <summary>The first line marked "// here" from the one that holds a text on.</summary>
    private static int LineAfter(string text, [CallerFilePath] string test = "")
    {
        string[] lines = File.ReadAllLines(Path.Combine(Path.GetDirectoryName(test)!, "RefusedKernels.cs"));
        int start = Array.FindIndex(lines, line => line.Contains(text, StringComparison.Ordinal));
        return Array.FindIndex(lines, start, line => line.EndsWith("// here", StringComparison.Ordinal)) + 1;
    }
}
