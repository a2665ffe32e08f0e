using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator;

/// <summary>Values of the predefined registers, which are filled in when a block starts.</summary>
internal enum SpecialRegister
{
    TidX, NtidX, CtaidX, CtaidY, NctaidX, NctaidY, Zero, One, LaneId, WarpId, WarpCount, WarpSize,
    LaneMaskEq, LaneMaskLe, LaneMaskLt, LaneMaskGe, LaneMaskGt, TotalShared, DynamicShared,
}

/// <summary>A register that holds a constant, ready before the first instruction.</summary>
internal readonly record struct ConstantSlot(int Slot, ulong Value, bool IsWide);

/// <summary>A kernel, decoded.</summary>
internal sealed unsafe class KernelProgram
{
    private readonly Instruction[] _code; // pinned

    internal KernelProgram(PtxKernel kernel, Instruction[] code)
    {
        (Kernel, _code) = (kernel, code);
        Code = (Instruction*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(_code));
    }

    internal PtxKernel Kernel { get; }

    internal string Name => Kernel.Name;

    internal Instruction* Code { get; }

    /// <summary>Instructions, the added one at the end of the text included.</summary>
    internal int Length => _code.Length;

    /// <summary>Registers of 128 bytes.</summary>
    internal required int Slots { get; init; }

    internal required int Predicates { get; init; }

    internal required ConstantSlot[] Constants { get; init; }

    internal required (int Slot, SpecialRegister Register)[] Specials { get; init; }

    internal required (int Predicate, bool Value)[] ConstantPredicates { get; init; }

    /// <summary>Shared memory of declared variables; dynamic memory follows.</summary>
    internal required int StaticSharedBytes { get; init; }

    /// <summary>Local memory a thread.</summary>
    internal required int LocalBytes { get; init; }

    /// <summary>Distance of the local memories of two threads.</summary>
    internal int LocalStride => LocalBytes + 15 & ~15;

    /// <summary>Atomics on global memory: blocks then run one after the other, because a sum of floats depends on their order.</summary>
    internal required bool HasGlobalAtomics { get; init; }

    /// <summary>Registers (indices of the text) that each instruction reads and writes, guards included.</summary>
    internal required int[][] Reads { get; init; }

    internal required int[][] Writes { get; init; }

    internal int LineOf(int pc) => Kernel.Instructions.Count == 0 ? Kernel.Line : Kernel.Instructions[Math.Min(pc, Kernel.Instructions.Count - 1)].Line;

    internal string TextOf(int pc) => pc < Kernel.Instructions.Count ? Kernel.Instructions[pc].Text : "end of the kernel";
}
