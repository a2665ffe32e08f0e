using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator;

/// <summary>Reads the modifiers of one instruction; what nobody took is refused by <see cref="End"/>, so that no meaning is silently dropped.</summary>
internal ref struct Modifiers(Lowering lowering, PtxInstruction source)
{
    private ulong _taken;

    internal bool Take(string name)
    {
        for (int i = 0; i < source.Modifiers.Length; i++)
        {
            if ((_taken >> i & 1) == 0 && source.Modifiers[i] == name) { _taken |= 1UL << i; return true; }
        }
        return false;
    }

    /// <summary>The first of these that is there; null if none.</summary>
    internal string? TakeOneOf(params ReadOnlySpan<string> names)
    {
        foreach (string name in names) { if (Take(name)) { return name; } }
        return null;
    }

    /// <summary>The last type that was not taken; it must be there.</summary>
    internal PtxType TakeType()
    {
        for (int i = source.Modifiers.Length - 1; i >= 0; i--)
        {
            if ((_taken >> i & 1) != 0) { continue; }
            PtxType type = PtxTypes.Parse(source.Modifiers[i]);
            if (type == PtxType.None) { break; }
            _taken |= 1UL << i;
            return type;
        }
        throw lowering.Wrong(source, $"{source.Opcode} has no type");
    }

    internal readonly void End()
    {
        for (int i = 0; i < source.Modifiers.Length; i++)
        {
            if ((_taken >> i & 1) == 0) { throw lowering.Wrong(source, $"instruction {source.Opcode} is not known to the emulator: .{source.Modifiers[i]}"); }
        }
    }
}
