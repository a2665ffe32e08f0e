using MiniLM.Cuda.Emulator.Instructions;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator;

/// <summary>Whether what a kernel does is checked: a type, so that the fast mode has no trace of it.</summary>
internal interface IChecks
{
    static abstract bool On { get; }
}

internal readonly struct Checked : IChecks
{
    public static bool On => true;
}

/// <summary>Bounds, alignment, full warps and the loop budget are looked at here too: they cost next to nothing.</summary>
internal readonly struct Unchecked : IChecks
{
    public static bool On => false;
}

/// <summary>Whether a launch is counted.</summary>
internal interface ICounts
{
    static abstract bool On { get; }
}

internal readonly struct Counted : ICounts
{
    public static bool On => true;
}

internal readonly struct Uncounted : ICounts
{
    public static bool On => false;
}

/// <summary>In which order and with which roundings mma sums; the ISA leaves both open.</summary>
internal enum MmaMode
{
    /// <summary>fp32 fused multiply-adds, k rising, c first. The default: fast, and as near to hardware as any other order the ISA allows.</summary>
    Fused,

    /// <summary>Products and sums in double, one rounding to fp32.</summary>
    Exact,

    /// <summary>As Fused with k falling.</summary>
    Reverse,

    /// <summary>Groups of 4 products, terms cut to 24 bits below the largest exponent: the published model of Volta.</summary>
    Truncate4,

    /// <summary>Groups of 8: Ampere and Ada.</summary>
    Truncate8,

    /// <summary>Groups of 16: Hopper.</summary>
    Truncate16,
}

/// <summary>Handlers that depend on checks and counting, and the choices of arithmetic.</summary>
internal abstract class Modes
{
    /// <summary>Seed of the errors of approximate instructions; 0: correctly rounded.</summary>
    internal required uint JitterSeed { get; init; }

    internal required MmaMode Mma { get; init; }

    internal abstract nint Load(PtxSpace space);

    internal abstract nint Store(PtxSpace space);

    internal abstract nint Atomic(PtxSpace space);

    internal abstract nint CopyAsync { get; }

    internal abstract nint WaitGroup { get; }

    internal abstract nint LoadMatrix { get; }

    internal abstract nint WarpBarrier { get; }

    internal abstract BlockRunner Runner(KernelProgram program, LaunchState launch);

    internal static Modes Create(bool isChecked, bool isCounted, uint jitterSeed, MmaMode mma) => (isChecked, isCounted) switch
    {
        (false, false) => new Modes<Unchecked, Uncounted> { JitterSeed = jitterSeed, Mma = mma },
        (false, true) => new Modes<Unchecked, Counted> { JitterSeed = jitterSeed, Mma = mma },
        (true, false) => new Modes<Checked, Uncounted> { JitterSeed = jitterSeed, Mma = mma },
        _ => new Modes<Checked, Counted> { JitterSeed = jitterSeed, Mma = mma },
    };
}

internal sealed unsafe class Modes<TChecks, TCounts> : Modes where TChecks : struct, IChecks where TCounts : struct, ICounts
{
    internal override nint Load(PtxSpace space) => space switch
    {
        PtxSpace.Global or PtxSpace.Const => (nint)(delegate*<Warp, Instruction*, void>)&MemoryAccess<TChecks, TCounts>.LoadGlobal,
        PtxSpace.Shared => (nint)(delegate*<Warp, Instruction*, void>)&MemoryAccess<TChecks, TCounts>.LoadShared,
        PtxSpace.Local => (nint)(delegate*<Warp, Instruction*, void>)&MemoryAccess<TChecks, TCounts>.LoadLocal,
        _ => (nint)(delegate*<Warp, Instruction*, void>)&MemoryAccess<TChecks, TCounts>.LoadGeneric,
    };

    internal override nint Store(PtxSpace space) => space switch
    {
        PtxSpace.Global => (nint)(delegate*<Warp, Instruction*, void>)&MemoryAccess<TChecks, TCounts>.StoreGlobal,
        PtxSpace.Shared => (nint)(delegate*<Warp, Instruction*, void>)&MemoryAccess<TChecks, TCounts>.StoreShared,
        PtxSpace.Local => (nint)(delegate*<Warp, Instruction*, void>)&MemoryAccess<TChecks, TCounts>.StoreLocal,
        _ => (nint)(delegate*<Warp, Instruction*, void>)&MemoryAccess<TChecks, TCounts>.StoreGeneric,
    };

    internal override nint Atomic(PtxSpace space) => space switch
    {
        PtxSpace.Global => (nint)(delegate*<Warp, Instruction*, void>)&AtomicAccess<TChecks, TCounts>.Global,
        PtxSpace.Shared => (nint)(delegate*<Warp, Instruction*, void>)&AtomicAccess<TChecks, TCounts>.Shared,
        _ => (nint)(delegate*<Warp, Instruction*, void>)&AtomicAccess<TChecks, TCounts>.Generic,
    };

    internal override nint CopyAsync => (nint)(delegate*<Warp, Instruction*, void>)&CopyAsyncAccess<TChecks, TCounts>.Copy;

    internal override nint WaitGroup => (nint)(delegate*<Warp, Instruction*, void>)&CopyAsyncAccess<TChecks, TCounts>.Wait;

    internal override nint LoadMatrix => (nint)(delegate*<Warp, Instruction*, void>)&LoadMatrixAccess<TChecks, TCounts>.Load;

    internal override nint WarpBarrier => (nint)(delegate*<Warp, Instruction*, void>)&WarpBarriers<TChecks>.Wait;

    internal override BlockRunner Runner(KernelProgram program, LaunchState launch) => new BlockRunner<TChecks, TCounts>(program, launch);
}
