using MiniLM.Kernels;
using static KernelCompiler.Tests.Patterns.PatternKernel;

namespace KernelCompiler.Tests.Patterns;

/// <summary>Loops that only count.</summary>
internal static class CountedLoops
{
    [Kernel(60, Inputs)]
    public static void RunCounted(ulong to) => Put(to, Counted(Input()));

    private static uint Counted(uint x)
    {
        uint s = x;
        for (int i = 0; i < 5; i++) { s = s * 3 + (uint)i; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunCountedLessEqual(ulong to) => Put(to, CountedLessEqual(Input()));

    private static uint CountedLessEqual(uint x)
    {
        uint s = x;
        for (int i = 0; i <= 4; i++) { s = s * 3 + (uint)i; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunDown(ulong to) => Put(to, Down(Input()));

    private static uint Down(uint x)
    {
        uint s = x;
        for (int i = 7; i >= 0; i--) { s = s * 5 + (uint)i; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunDownStrict(ulong to) => Put(to, DownStrict(Input()));

    private static uint DownStrict(uint x)
    {
        uint s = x;
        for (int i = 7; i > 0; i--) { s = s * 5 + (uint)i; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunStepThree(ulong to) => Put(to, StepThree(Input()));

    private static uint StepThree(uint x)
    {
        uint s = x;
        for (int i = 1; i < 11; i += 3) { s = s * 7 + (uint)i; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunUnsignedCounter(ulong to) => Put(to, UnsignedCounter(Input()));

    private static uint UnsignedCounter(uint x)
    {
        uint s = x;
        for (uint i = 0; i < 6; i++) { s = s * 3 ^ i; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunHalving(ulong to) => Put(to, Halving(Input()));

    private static uint Halving(uint x)
    {
        uint s = x;
        for (int i = 16; i > 0; i >>= 1) { s = s * 3 + (uint)i; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunDoubling(ulong to) => Put(to, Doubling(Input()));

    private static uint Doubling(uint x)
    {
        uint s = x;
        for (int i = 1; i < 32; i <<= 1) { s = s * 3 + (uint)i; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunNested(ulong to) => Put(to, Nested(Input()));

    private static uint Nested(uint x)
    {
        uint s = x;
        for (int i = 0; i < 3; i++)
        {
            s += (uint)i;
            for (int j = 0; j < 4; j++) { s = s * 3 + (uint)(i * j); }
            s ^= 5;
        }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunTriangle(ulong to) => Put(to, Triangle(Input()));

    private static uint Triangle(uint x)
    {
        uint s = x;
        for (int i = 0; i < 4; i++)
        {
            for (int j = 0; j < i; j++) { s = s * 3 + (uint)(i + j); }
        }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunDoWhile(ulong to) => Put(to, DoWhile(Input()));

    private static uint DoWhile(uint x)
    {
        uint s = x;
        int i = 0;
        do
        {
            s = s * 3 + (uint)i;
        }
        while (++i < 4);
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunDoWhilePost(ulong to) => Put(to, DoWhilePost(Input()));

    private static uint DoWhilePost(uint x)
    {
        uint s = x;
        int i = 0;
        do
        {
            s++;
        }
        while (i++ < 3);
        return s * 100 + (uint)i;
    }

    [Kernel(60, Inputs)]
    public static void RunWhile(ulong to) => Put(to, While(Input()));

    private static uint While(uint x)
    {
        uint s = x;
        int i = 0;
        while (i < 4)
        {
            s = s * 3 + (uint)i;
            i++;
        }
        return s + (uint)i;
    }

    [Kernel(60, Inputs)]
    public static void RunLiveOut(ulong to) => Put(to, LiveOut(Input()));

    private static uint LiveOut(uint x)
    {
        uint s = x;
        int i = 0;
        for (; i < 5; i++) { s += (uint)i; }
        return s * 10 + (uint)i;
    }

    [Kernel(60, Inputs)]
    public static void RunNoStep(ulong to) => Put(to, NoStep(Input()));

    private static uint NoStep(uint x)
    {
        uint s = x;
        for (int i = 3; i < 3; i++) { s = 99; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunOneStep(ulong to) => Put(to, OneStep(Input()));

    private static uint OneStep(uint x)
    {
        uint s = x;
        for (int i = 0; i < 1; i++) { s = s * 3 + 1; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunSwap(ulong to) => Put(to, Swap(Input()));

    private static uint Swap(uint x)
    {
        uint a = x, b = x + 1;
        for (int i = 0; i < 5; i++)
        {
            uint t = a;
            a = b;
            b = t + b;
        }
        return a * 31 + b;
    }

    [Kernel(60, Inputs)]
    public static void RunPrevious(ulong to) => Put(to, Previous(Input()));

    private static uint Previous(uint x)
    {
        uint p = 0, s = x;
        for (int i = 0; i < 5; i++)
        {
            uint q = s;
            s = s * 3 + p;
            p = q;
        }
        return s ^ p;
    }

    [Kernel(60, Inputs)]
    public static void RunHundredSteps(ulong to) => Put(to, HundredSteps(Input()));

    private static uint HundredSteps(uint x)
    {
        uint s = x;
        for (int i = 0; i < 100; i++) { s = s * 3 + (uint)i; }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunNinetySevenSteps(ulong to) => Put(to, NinetySevenSteps(Input()));

    private static uint NinetySevenSteps(uint x)
    {
        uint s = x;
        for (int i = 0; i < 97; i++) { s = s * 3 + (uint)i; }
        return s;
    }
}
