using MiniLM.Kernels;
using static KernelCompiler.Tests.Patterns.PatternKernel;

namespace KernelCompiler.Tests.Patterns;

/// <summary>Loops over local arrays, which must end in registers.</summary>
internal static class ArrayLoops
{
    [Kernel(60, Inputs)]
    public static void RunArrayRounds(ulong to) => Put(to, ArrayRounds(Input()));

    private static uint ArrayRounds(uint x)
    {
        uint[] a = new uint[6];
        for (int i = 0; i < 6; i++) { a[i] = x + (uint)i; }
        for (int r = 0; r < 3; r++)
        {
            for (int i = 0; i < 6; i++) { a[i] += a[(i + 1) % 6]; }
        }
        uint s = 0;
        for (int i = 0; i < 6; i++) { s = s * 3 + a[i]; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunArrayRuntime(ulong to) => Put(to, ArrayRuntime(Input()));

    private static uint ArrayRuntime(uint x)
    {
        uint[] a = new uint[4];
        for (uint r = 0; r < (x & 7); r++)
        {
            for (int i = 0; i < 4; i++) { a[i] = a[i] * 3 + r + (uint)i; }
        }
        uint s = 0;
        for (int i = 0; i < 4; i++) { s = s * 5 + a[i]; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunArrayIf(ulong to) => Put(to, ArrayIf(Input()));

    private static uint ArrayIf(uint x)
    {
        uint[] a = new uint[4];
        for (int i = 0; i < 4; i++)
        {
            if ((x >> i & 1) != 0) { a[i] = x * (uint)i; }
            else { a[i] += 7; }
        }
        uint s = 0;
        for (int i = 3; i >= 0; i--) { s = s * 5 + a[i]; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunTriple(ulong to) => Put(to, Triple(Input()));

    private static uint Triple(uint x)
    {
        uint[] a = new uint[8];
        for (uint t = 0; t < (x & 3); t++)
        {
            for (int i = 0; i < 2; i++)
            {
                for (int j = 0; j < 2; j++)
                {
                    for (int k = 0; k < 2; k++) { a[i * 4 + j * 2 + k] += x * (uint)(i + 2 * j + 3 * k) + t; }
                }
            }
        }
        uint s = 0;
        for (int i = 0; i < 8; i++) { s = s * 3 + a[i]; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunHelper(ulong to) => Put(to, Helper(Input()));

    private static uint Helper(uint x)
    {
        uint[] a = new uint[3];
        Fill(a, x);
        Fill(a, a[1]);
        return a[0] * 9 + a[1] * 3 + a[2];
    }

    private static void Fill(uint[] a, uint x)
    {
        for (int i = 0; i < 3; i++) { a[i] += x * (uint)(i + 1); }
    }

    [Kernel(60, Inputs)]
    public static void RunArrayOfStructs(ulong to) => Put(to, ArrayOfStructs(Input()));

    private static uint ArrayOfStructs(uint x)
    {
        Quad[] a = new Quad[2];
        for (int i = 0; i < 2; i++) { a[i] = new Quad { X = x, Y = x + (uint)i, Z = 3, W = x * 2 }; }
        for (int i = 0; i < 2; i++)
        {
            a[i].Y *= 3;
            a[i].W += a[1 - i].X;
        }
        return a[0].Y * 7 + a[1].W + a[1].Y;
    }

    [Kernel(60, Inputs)]
    public static void RunConditionalValue(ulong to) => Put(to, ConditionalValue(Input()));

    private static uint ConditionalValue(uint x)
    {
        uint[] a = new uint[4];
        for (int i = 0; i < 4; i++) { a[i] = x + (uint)i < 7 ? x * (uint)i : 5; }
        uint s = 0;
        for (int i = 0; i < 4; i++) { s = s * 3 + a[i]; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunRuntimeOuterIf(ulong to) => Put(to, RuntimeOuterIf(Input()));

    private static uint RuntimeOuterIf(uint x)
    {
        uint[] a = new uint[4];
        uint n = x >> 3 & 7;
        for (uint r = 0; r < n; r++)
        {
            if (r < (x & 7))
            {
                for (int i = 0; i < 4; i++) { a[i] = a[i] * 3 + r; }
            }
            a[0] += 1;
        }
        uint s = 0;
        for (int i = 0; i < 4; i++) { s = s * 5 + a[i]; }
        return s;
    }
}
