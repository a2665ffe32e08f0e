using System.Runtime.InteropServices;

namespace MiniLM.Cuda.Emulator;

/// <summary>How the interpreter treats an instruction.</summary>
internal enum InstructionKind : byte
{
    /// <summary>Writes registers only and knows no lanes that are switched off: the interpreter keeps their old values.</summary>
    Pure,

    /// <summary>Looks at the warp's mask itself: memory, predicates, exchanges between lanes.</summary>
    Masked,

    Branch, BranchIndexed, Exit, Nothing, Trap,

    /// <summary>As Masked, for lanes together: those of a member mask in Slots[4].</summary>
    Members,

    /// <summary>As Masked, for the whole warp.</summary>
    Warp,

    Barrier, BarrierReduce,
}

[Flags]
internal enum InstructionFlags : byte
{
    None = 0,
    GuardNegated = 1,

    /// <summary>Results have 64 bits.</summary>
    Wide = 2,

    /// <summary>The comparison's result is inverted.</summary>
    Invert = 4,

    /// <summary>Loaded integers are sign-extended.</summary>
    Signed = 8,

    /// <summary>The shared address is in a 64-bit register.</summary>
    WideAddress = 16,

    /// <summary>An extra operand is there: the combining predicate of setp, the source size of cp.async.</summary>
    Extra = 32,

    /// <summary>The extra predicate is negated.</summary>
    ExtraNegated = 64,

    /// <summary>A second predicate is written.</summary>
    Second = 128,
}

/// <summary>A decoded instruction: 64 bytes, one cache line. What the fields mean besides the first four is the handler's business.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct Instruction
{
    internal delegate*<Warp, Instruction*, void> Execute;

    /// <summary>Constant part of an address.</summary>
    internal long Immediate;

    internal InstructionKind Kind;
    internal InstructionFlags Flags;

    /// <summary>Predicate of the guard, -1 without.</summary>
    internal short Guard;

    /// <summary>Registers a pure instruction writes: Slots[0 ..].</summary>
    internal byte Destinations;

    /// <summary>Bytes of an element, and elements, of a memory access.</summary>
    internal byte ElementBytes, Elements;

    /// <summary>A choice of the handler: comparison, rounding, operation, truth table.</summary>
    internal byte Choice;

    /// <summary>Branch target, or another constant.</summary>
    internal int Target;

    internal int Auxiliary;

    /// <summary>Registers (in units of 128 bytes) or predicates. Scalars: result, operands. Loads and stores: data 0-3, address 4.
    /// mma: D 0-3, A 4-7, B 8-11, C 12-15.</summary>
    internal fixed ushort Slots[16];

    internal readonly bool Is(InstructionFlags flag) => (Flags & flag) != 0;
}
