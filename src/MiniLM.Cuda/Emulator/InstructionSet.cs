using System.Diagnostics.CodeAnalysis;
using MiniLM.Cuda.Emulator.Instructions;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator;

/// <summary>Decodes the instructions of one root; guard and its flag are there already.</summary>
internal delegate void LowerInstruction(Lowering lowering, PtxInstruction source, ref Instruction instruction);

/// <summary>All instructions the emulator knows, by root.</summary>
internal static class InstructionSet
{
    private static readonly Dictionary<string, LowerInstruction> ByRoot = Build();

    /// <summary>Roots of all instructions, for the checks of a text.</summary>
    internal static IEnumerable<string> Roots => ByRoot.Keys;

    internal static bool TryFind(string root, [NotNullWhen(true)] out LowerInstruction? lower) => ByRoot.TryGetValue(root, out lower);

    private static Dictionary<string, LowerInstruction> Build()
    {
        var table = new Dictionary<string, LowerInstruction>(StringComparer.Ordinal);
        Arithmetic.Register(table);
        BitOperations32.Register(table);
        Approximations.Register(table);
        Comparisons.Register(table);
        Conversions.Register(table);
        Moves.Register(table);
        LoadsAndStores.Register(table);
        Atomics.Register(table);
        CopyAsync.Register(table);
        LoadMatrix.Register(table);
        Exchanges.Register(table);
        Mma.Register(table);
        Control.Register(table);
        return table;
    }
}
