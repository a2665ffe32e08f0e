using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>and, or, xor, not, mov of predicates: 32 lanes in one word.</summary>
internal static unsafe class Predicates
{
    internal const byte And = 0, Or = 1, Xor = 2, Not = 3, Copy = 4;

    /// <summary>Result and kind; the operands are the caller's.</summary>
    internal static void Lower(Lowering l, PtxInstruction s, ref Instruction i, byte operation)
    {
        i.Kind = InstructionKind.Masked;
        i.Choice = operation;
        i.Execute = &Run;
        i.Slots[0] = l.Out(s, s.Operands[0], PtxType.Pred);
    }

    internal static uint Combine(byte operation, uint a, uint b) => operation switch
    {
        And => a & b,
        Or => a | b,
        Xor => a ^ b,
        Not => ~a,
        _ => a,
    };

    /// <summary>Keeps the lanes that are switched off.</summary>
    internal static void Write(Warp w, int predicate, uint value) => w.Predicates[predicate] = w.Predicates[predicate] & ~w.Mask | value & w.Mask;

    private static void Run(Warp w, Instruction* i) => Write(w, i->Slots[0], Combine(i->Choice, w.Predicates[i->Slots[1]], w.Predicates[i->Slots[2]]));
}
