using System.Runtime.InteropServices;

namespace MiniLM.Cpu.Threading;

/// <summary>Which processor a thread may use (Linux; elsewhere nothing is done).</summary>
/// <remarks>
/// A scheduler may leave a woken thread on the processor of the thread that woke it and now spins for it: every wait then lasts a time
/// slice of 3-4 ms (seen: 12-36 ms for one sequence). So workers are kept off the caller's processor.
/// </remarks>
internal static unsafe partial class Processor
{
    private const int Words = 16; // 1,024 processors
    private static readonly ulong[] Allowed = ReadAllowed();

    internal static int Current => OperatingSystem.IsLinux() ? sched_getcpu() : 0;

    internal static int CurrentThread => OperatingSystem.IsLinux() ? gettid() : 1;

    /// <summary>Processors that this process may use.</summary>
    internal static int Count
    {
        get
        {
            int count = 0;
            foreach (ulong word in Allowed) { count += System.Numerics.BitOperations.PopCount(word); }
            return count > 0 ? count : Environment.ProcessorCount;
        }
    }

    internal static void KeepOff(int thread, int processor)
    {
        if (!OperatingSystem.IsLinux() || Count < 2 || (uint)processor >= 64 * Words) { return; }
        ulong* set = stackalloc ulong[Words];
        Allowed.CopyTo(new Span<ulong>(set, Words));
        set[processor / 64] &= ~(1UL << (processor % 64));
        _ = sched_setaffinity(thread, Words * sizeof(ulong), set);
    }

    /// <summary>The calling thread runs on that one of the processors that this process may use, counted from 0.</summary>
    internal static void KeepTo(int index)
    {
        if (!OperatingSystem.IsLinux()) { return; }
        ulong* set = stackalloc ulong[Words];
        new Span<ulong>(set, Words).Clear();
        for (int processor = 0; processor < 64 * Words; processor++)
        {
            ulong bit = 1UL << (processor % 64);
            if ((Allowed[processor / 64] & bit) == 0 || index-- > 0) { continue; }
            set[processor / 64] = bit;
            _ = sched_setaffinity(0, Words * sizeof(ulong), set);
            return;
        }
    }

    private static ulong[] ReadAllowed()
    {
        ulong[] set = new ulong[Words];
        if (OperatingSystem.IsLinux())
        {
            fixed (ulong* words = set) { _ = sched_getaffinity(Environment.ProcessId, Words * sizeof(ulong), words); }
        }
        return set;
    }

    [LibraryImport("libc")]
    private static partial int sched_getcpu();

    [LibraryImport("libc")]
    private static partial int sched_getaffinity(int thread, nint size, ulong* set);

    [LibraryImport("libc")]
    private static partial int sched_setaffinity(int thread, nint size, ulong* set);

    [LibraryImport("libc")]
    private static partial int gettid();
}
