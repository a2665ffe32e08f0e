namespace MiniLM.Cuda.Ptx;

/// <summary>State spaces of the PTX ISA.</summary>
internal enum PtxSpace { Generic, Register, Param, Shared, Global, Local, Const }

/// <summary>A parsed PTX text.</summary>
/// <param name="File">Its name, for messages.</param>
/// <param name="Text">The text itself; instructions are slices of it.</param>
internal sealed record PtxModule(string File, string Text)
{
    /// <summary>ISA version, 10 * major + minor: 70 for 7.0.</summary>
    internal int Version { get; set; }

    /// <summary>Compute capability of .target, 80 for sm_80; 0 when there is none.</summary>
    internal int Target { get; set; }

    /// <summary>What follows sm_NN in .target: "a" for sm_90a.</summary>
    internal string TargetSuffix { get; set; } = "";

    /// <summary>32 or 64.</summary>
    internal int AddressSize { get; set; } = 32;

    /// <summary>Line of .target and of .version, for findings.</summary>
    internal int TargetLine { get; set; }

    /// <summary>Variables outside of functions.</summary>
    internal List<PtxVariable> Variables { get; } = [];

    /// <summary>Entries (.entry).</summary>
    internal List<PtxKernel> Kernels { get; } = [];

    /// <summary>Functions (.func) that have a body: parsed, not run.</summary>
    internal List<PtxKernel> Functions { get; } = [];
}

/// <summary>A variable of a state space. 0 bytes: an extern array without bound, which is dynamic shared memory.
/// Initial contents may be shorter than it.</summary>
internal sealed record PtxVariable(string Name, PtxSpace Space, PtxType Type, int Alignment, long Bytes, bool IsExtern, byte[]? Initial, int Line);

/// <summary>A kernel parameter at its place in the parameter buffer.</summary>
internal sealed record PtxParameter(string Name, PtxType Type, int Alignment, int Bytes, int Offset, int Line);

/// <summary>A register that the kernel names.</summary>
internal readonly record struct PtxRegister(string Name, PtxType Type);

/// <summary>An entry or a function with its instructions.</summary>
internal sealed record PtxKernel(string Name, int Line)
{
    internal List<PtxParameter> Parameters { get; } = [];

    /// <summary>Bytes of the parameter buffer.</summary>
    internal int ParameterBytes { get; set; }

    /// <summary>.maxntid x * y * z, or 0.</summary>
    internal int MaxThreads { get; set; }

    /// <summary>.reqntid x * y * z, or 0.</summary>
    internal int RequiredThreads { get; set; }

    /// <summary>.minnctapersm, or 0.</summary>
    internal int MinBlocks { get; set; }

    /// <summary>Registers in the order of their first use; operands hold indices.</summary>
    internal List<PtxRegister> Registers { get; } = [];

    /// <summary>Variables of the body (.shared, .local, .param).</summary>
    internal List<PtxVariable> Variables { get; } = [];

    internal List<PtxInstruction> Instructions { get; } = [];

    /// <summary>Label lists of brx.idx (.branchtargets).</summary>
    internal Dictionary<string, PtxOperand[]> BranchTargets { get; } = new(StringComparer.Ordinal);
}

/// <summary>One instruction.</summary>
internal sealed class PtxInstruction
{
    internal required int Line { get; init; }

    /// <summary>Index of the guard's register; -1 without guard, -2 for a name that is not declared.</summary>
    internal int Guard { get; init; } = -1;

    internal string? GuardName { get; init; }

    internal bool GuardNegated { get; init; }

    /// <summary>The opcode up to its first dot: "ld".</summary>
    internal required string Root { get; init; }

    /// <summary>What follows, without dots: ["global", "v4", "f32"].</summary>
    internal required string[] Modifiers { get; init; }

    internal required PtxOperand[] Operands { get; init; }

    /// <summary>The line as written, in one line, without guard.</summary>
    internal required string Text { get; init; }

    internal bool Has(string modifier) => Array.IndexOf(Modifiers, modifier) >= 0;

    /// <summary>The opcode with its modifiers.</summary>
    internal string Opcode => Modifiers.Length == 0 ? Root : Root + "." + string.Join('.', Modifiers);

    public override string ToString() => Text;
}

internal enum PtxOperandKind { Register, Special, Immediate, Address, Vector, Symbol, Label, Sink, List }

/// <summary>One operand. Which fields mean something depends on the kind.</summary>
internal sealed class PtxOperand
{
    internal required PtxOperandKind Kind { get; init; }

    /// <summary>Name of a register, special register, symbol or label.</summary>
    internal string Name { get; init; } = "";

    /// <summary>Index into the kernel's registers; -1 when the name is not declared.</summary>
    internal int Register { get; init; } = -1;

    /// <summary>!p.</summary>
    internal bool Negated { get; init; }

    /// <summary>Bits of an immediate: an integer (two's complement), or a float of <see cref="ImmediateType"/>.</summary>
    internal ulong Bits { get; init; }

    /// <summary>F32 for 0f..., F64 for 0d... and decimal fractions, else S64.</summary>
    internal PtxType ImmediateType { get; init; } = PtxType.S64;

    /// <summary>Constant part of an address, or of symbol+constant.</summary>
    internal long Offset { get; init; }

    /// <summary>Elements of a vector or list; for an address its base (none: an absolute address); for p|q both.</summary>
    internal PtxOperand[] Elements { get; init; } = [];

    /// <summary>Instruction index of a label; -1 when there is none of that name.</summary>
    internal int Target { get; set; } = -1;

    /// <summary>Base of an address, or null.</summary>
    internal PtxOperand? Base => Elements.Length > 0 ? Elements[0] : null;
}
