
namespace MiniLM.Cuda.Emulator;

/// <summary>What a check of the emulator is about.</summary>
internal enum KernelFault
{
    OutOfBounds, Misaligned, UninitializedRegister, UninitializedMemory, SharedRace, GlobalRace, DivergentWarp, Barrier, Budget, AsyncCopy,
    BranchIndex, Trap, Operand,
}

/// <summary>A kernel did what it must not do. The message names kernel, line of the PTX, block, warp and thread.</summary>
internal sealed class KernelFaultException(KernelFault fault, string kernel, int line, uint blockX, uint blockY, int warp, int thread, string what)
    : GpuException($"{kernel}: line {line}: block ({blockX}, {blockY}), warp {warp}, thread {thread}: {what}")
{
    internal KernelFault Fault => fault;

    internal string Kernel => kernel;

    /// <summary>Line of the PTX text.</summary>
    internal int Line => line;

    internal (uint X, uint Y) Block => (blockX, blockY);

    internal int Warp => warp;

    /// <summary>Thread of the block.</summary>
    internal int Thread => thread;

    /// <summary>The message without its place.</summary>
    internal string What => what;
}
