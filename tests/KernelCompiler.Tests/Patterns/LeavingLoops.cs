using MiniLM.Kernels;
using static KernelCompiler.Tests.Patterns.PatternKernel;

namespace KernelCompiler.Tests.Patterns;

/// <summary>Loops that are left early, and loops of a length known only when they run.</summary>
internal static class LeavingLoops
{
    [Kernel(60, Inputs)]
    public static void RunBreak(ulong to) => Put(to, Break(Input()));

    private static uint Break(uint x)
    {
        uint s = x;
        for (int i = 0; i < 6; i++)
        {
            if (s % 7 == 3) { break; }
            s = s * 3 + (uint)i;
        }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunBreakMiddle(ulong to) => Put(to, BreakMiddle(Input()));

    private static uint BreakMiddle(uint x)
    {
        uint j = x;
        for (int i = 0; i < 2; i++)
        {
            j++;
            if (i == 1) { break; }
            j++;
        }
        return j;
    }

    [Kernel(60, Inputs)]
    public static void RunBreakConst(ulong to) => Put(to, BreakConst(Input()));

    private static uint BreakConst(uint x)
    {
        uint j = x;
        for (int i = 0; i < 8; i++)
        {
            j = j * 3 + 1;
            if (i == 5) { break; }
            j ^= 2;
        }
        return j;
    }

    [Kernel(60, Inputs)]
    public static void RunTwoExits(ulong to) => Put(to, TwoExits(Input()));

    private static uint TwoExits(uint x)
    {
        uint s = x;
        for (int i = 0; i < 4; i++)
        {
            for (int j = 0; j < 4; j++)
            {
                if ((s & 15) == 9) { return s + (uint)j; }
                s = s * 3 + (uint)(i ^ j);
            }
        }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunInnerRuntime(ulong to) => Put(to, InnerRuntime(Input()));

    private static uint InnerRuntime(uint x)
    {
        uint s = x;
        for (int i = 0; i < 3; i++)
        {
            for (uint j = 0; j < (s & 3); j++) { s = s * 3 + j + (uint)i; }
        }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunRuntimeBreak(ulong to) => Put(to, RuntimeBreak(Input()));

    private static uint RuntimeBreak(uint x)
    {
        uint[] a = new uint[2];
        for (uint r = 0; ; r++)
        {
            if (r >= (x & 7)) { break; }
            for (int i = 0; i < 2; i++) { a[i] += r * (uint)(i + 1); }
        }
        return a[0] * 100 + a[1];
    }
}
