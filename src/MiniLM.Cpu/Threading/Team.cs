using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace MiniLM.Cpu.Threading;

/// <summary>Threads that work on one thing together. A team of one never waits.</summary>
/// <param name="pool">Whose run ends every wait of its teams when a member fails.</param>
internal sealed class Team(WorkerPool pool)
{
    private Padded _state;

    internal int Size { get; private set; } = 1;

    /// <summary>Makes it a team of that many, with nobody at its barrier. Between runs only.</summary>
    internal void Form(int size)
    {
        Size = size;
        _state.Arrived = 0; // a run that failed may have left some
    }

    // A cache line each, so that the one that arrives does not disturb those that spin.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Padded
    {
        [FieldOffset(64)] internal int Arrived;
        [FieldOffset(128)] internal int Phase;
    }

    /// <summary>Nobody leaves before everybody has come (300 ns for two).</summary>
    /// <exception cref="RunEndedException">A member failed, and may never come.</exception>
    internal void Wait()
    {
        if (Size == 1) { return; }
        int phase = Volatile.Read(ref _state.Phase);
        if (Interlocked.Increment(ref _state.Arrived) == Size)
        {
            _state.Arrived = 0;
            Volatile.Write(ref _state.Phase, phase + 1);
            return;
        }
        for (int spins = 0; Volatile.Read(ref _state.Phase) == phase; spins++)
        {
            if (pool.HasFailed) { throw new RunEndedException(); }
            Spin.Once(spins);
        }
    }

    /// <summary>The part of [0, count) that belongs to one member.</summary>
    internal (int First, int End) Share(int count, int member) => ((int)((long)count * member / Size), (int)((long)count * (member + 1) / Size));
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
