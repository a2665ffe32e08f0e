using System.Runtime.CompilerServices;
using MiniLM.Kernels;
using static KernelCompiler.Tests.Patterns.PatternKernel;

namespace KernelCompiler.Tests;

/// <summary>Kernels that must not be compiled. The line that is to be named ends in "// here".</summary>
internal static class RefusedKernels
{
    [Kernel(60, Inputs)]
    public static void RunTimeIndex(ulong to)
    {
        uint[] a = new uint[4]; // here
        for (int i = 0; i < 4; i++) { a[i] = Input() + (uint)i; }
        Put(to, a[Input() & 3]);
    }

    [Kernel(60, Inputs)]
    public static void LoopAroundALoop(ulong to)
    {
        uint s = Input();
        for (int i = 0; i < 8; i++) // here
        {
            for (uint j = 0; j < (s & 3); j++) { s = s * 3 + j + (uint)i; }
        }
        Put(to, s);
    }

    [Kernel(60, Inputs)]
    public static void LoopWithoutEnd(ulong to)
    {
        uint s = Input();
        for (int i = 0; i != 5; i += 2) { s = s * 3 + (uint)i; } // here
        Put(to, s);
    }

    [Kernel(60, Inputs)]
    public static void LibraryCall(ulong to) => Put(to, (uint)MathF.FusedMultiplyAdd(Input(), 2, 3)); // here

    [Kernel(60, Inputs)]
    public static void Recursion(ulong to) => Put(to, Factorial(Input())); // here

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint Factorial(uint x) => x == 0 ? 1 : x * Factorial(x - 1);

    [Kernel(60, Inputs)]
    public static void ThrownException(ulong to) => Put(to, Input() > 3 ? Input() : throw new InvalidOperationException("too small")); // here
}

/// <summary>Divisions that ILGPU would compile to a shift.</summary>
internal static class ConstantDivision
{
    internal static int Half(int x)
    {
        return x / 2; // here
    }
}

internal static class ConstantRemainder
{
    internal static int Odd(int x)
    {
        return x % 2; // here
    }
}

internal static class DivisionByAVariable
{
    internal static int Quotient(int x, int y) => x / y;

    internal static float Half(int x) => x / 2f;
}
