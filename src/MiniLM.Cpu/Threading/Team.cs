using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace MiniLM.Cpu.Threading;

/// <summary>Threads that work on one thing together. A team of one never waits.</summary>
internal sealed class Team(int size)
{
    private Padded _state;

    internal int Size => size;

    // A cache line each, so that the one that arrives does not disturb those that spin.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Padded
    {
        [FieldOffset(64)] internal int Arrived;
        [FieldOffset(128)] internal int Phase;
    }

    /// <summary>Nobody leaves before everybody has come (300 ns for two).</summary>
    internal void Wait()
    {
        if (size == 1) { return; }
        int phase = Volatile.Read(ref _state.Phase);
        if (Interlocked.Increment(ref _state.Arrived) == size)
        {
            _state.Arrived = 0;
            Volatile.Write(ref _state.Phase, phase + 1);
            return;
        }
        for (int spins = 0; Volatile.Read(ref _state.Phase) == phase; spins++) { Spin.Once(spins); }
    }

    /// <summary>The part of [0, count) that belongs to one member.</summary>
    internal (int First, int End) Share(int count, int member) => ((int)((long)count * member / size), (int)((long)count * (member + 1) / size));
}

/// <summary>Waiting without sleeping.</summary>
internal static class Spin
{
    // A spin that never yields starves a thread that shares its processor for a whole time slice.
    internal static void Once(int count)
    {
        if (count >= 2_000) { Thread.Yield(); } else if (X86Base.IsSupported) { X86Base.Pause(); } else { Thread.SpinWait(1); }
    }
}
