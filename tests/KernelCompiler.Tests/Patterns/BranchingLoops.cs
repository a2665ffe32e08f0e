using MiniLM.Kernels;
using static KernelCompiler.Tests.Patterns.PatternKernel;

namespace KernelCompiler.Tests.Patterns;

/// <summary>Loops with a branch inside, or inside one.</summary>
internal static class BranchingLoops
{
    [Kernel(60, Inputs)]
    public static void RunIfElse(ulong to) => Put(to, IfElse(Input()));

    private static uint IfElse(uint x)
    {
        uint s = x;
        for (int i = 0; i < 6; i++)
        {
            if ((s & 1) == 0) { s = s * 3 + (uint)i; }
            else { s >>= 1; }
        }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunIfSide(ulong to) => Put(to, IfSide(Input()));

    private static uint IfSide(uint x)
    {
        uint s = x, t = 1;
        for (int i = 0; i < 6; i++)
        {
            if ((s & 3) == 1) { t += s; }
            s = s * 5 + 1;
        }
        return s ^ t;
    }

    [Kernel(60, Inputs)]
    public static void RunContinue(ulong to) => Put(to, Continue(Input()));

    private static uint Continue(uint x)
    {
        uint s = x;
        for (int i = 0; i < 6; i++)
        {
            if ((s & 1) == 0)
            {
                s += 3;
                continue;
            }
            s = s * 7 + (uint)i;
        }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunContinueInner(ulong to) => Put(to, ContinueInner(Input()));

    private static uint ContinueInner(uint x)
    {
        uint s = x;
        for (int i = 0; i < 3; i++)
        {
            for (int j = 0; j < 3; j++)
            {
                if ((s & 1) == 0)
                {
                    s += 3;
                    continue;
                }
                s = s * 7 + (uint)(i * j);
            }
        }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunContinueOuter(ulong to) => Put(to, ContinueOuter(Input()));

    private static uint ContinueOuter(uint x)
    {
        uint s = x;
        for (int i = 0; i < 3; i++)
        {
            if ((s & 1) == 0)
            {
                s += 3;
                continue;
            }
            for (int j = 0; j < 3; j++) { s = s * 7 + (uint)(i * j); }
        }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunNeighbours(ulong to) => Put(to, Neighbours(Input()));

    private static uint Neighbours(uint v)
    {
        int x = (int)(v & 3), y = (int)(v >> 2 & 3), n = 0;
        for (int dy = -1; dy <= 1; dy++)
        {
            int ny = y + dy;
            if (ny < 0 || ny >= 4) { continue; }
            for (int dx = -1; dx <= 1; dx++)
            {
                int nx = x + dx;
                if (nx < 0 || nx >= 4) { continue; }
                if (dx == 0 && dy == 0) { continue; }
                n++;
            }
        }
        return (uint)n;
    }

    [Kernel(60, Inputs)]
    public static void RunNeighboursIf(ulong to) => Put(to, NeighboursIf(Input()));

    private static uint NeighboursIf(uint v)
    {
        int x = (int)(v & 3), y = (int)(v >> 2 & 3), n = 0;
        for (int dy = -1; dy <= 1; dy++)
        {
            int ny = y + dy;
            if (ny >= 0 && ny < 4)
            {
                for (int dx = -1; dx <= 1; dx++)
                {
                    int nx = x + dx;
                    if (nx >= 0 && nx < 4 && (dx != 0 || dy != 0)) { n++; }
                }
            }
        }
        return (uint)n;
    }

    [Kernel(60, Inputs)]
    public static void RunNestedIf(ulong to) => Put(to, NestedIf(Input()));

    private static uint NestedIf(uint x)
    {
        uint s = x;
        for (int i = 0; i < 3; i++)
        {
            if ((x >> i & 1) != 0)
            {
                for (int j = 0; j < 3; j++) { s = s * 3 + (uint)(i + j); }
            }
        }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunNestedIfElse(ulong to) => Put(to, NestedIfElse(Input()));

    private static uint NestedIfElse(uint x)
    {
        uint s = x;
        for (int i = 0; i < 3; i++)
        {
            if ((x >> i & 1) != 0)
            {
                for (int j = 0; j < 3; j++) { s = s * 3 + (uint)(i + j); }
            }
            else { s += 9; }
            s ^= 3;
        }
        return s;
    }

    [Kernel(60, Inputs)]
    public static void RunIfLiveOut(ulong to) => Put(to, IfLiveOut(Input()));

    private static uint IfLiveOut(uint x)
    {
        uint s = x, last = 77;
        for (int i = 0; i < 5; i++)
        {
            s = s * 5 + 1;
            if ((s & 1) != 0) { last = (uint)i; }
        }
        return last * 1000 + (s & 255);
    }
}
