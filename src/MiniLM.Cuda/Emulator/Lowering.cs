using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator;

/// <summary>Turns the instructions of a kernel into <see cref="Instruction"/>s. Everything the emulator knows about a text is asked
/// here: what this refuses, it cannot run.</summary>
internal sealed partial class Lowering
{
    /// <summary>Where a block's shared memory starts in its window. Not 0: on sm_80 and later the driver keeps 1 KB for itself,
    /// and a kernel that takes 0 for its own is wrong.</summary>
    internal const uint SharedBase = 1024;

    /// <summary>Where shared and local memory lie in the generic address space.</summary>
    internal const ulong SharedWindow = 0x7F00_0000_0000, LocalWindow = 0x7E00_0000_0000, WindowBytes = 1UL << 32;

    private readonly PtxModule _module;
    private readonly RegisterAllocation _allocation;
    private readonly IReadOnlyDictionary<string, ulong> _globals;
    private readonly Dictionary<string, (PtxSpace Space, ulong Address)> _variables = new(StringComparer.Ordinal);
    private readonly Dictionary<(ulong Bits, bool IsWide), int> _constants = [];
    private readonly Dictionary<SpecialRegister, int> _specials = [];
    private readonly Dictionary<bool, int> _constantPredicates = [];
    private int _slots, _predicates;

    internal PtxKernel Kernel { get; }

    internal Modes Modes { get; }

    internal int StaticSharedBytes { get; private set; }

    internal int LocalBytes { get; private set; }

    internal bool HasGlobalAtomics { get; set; }

    /// <param name="module">The text.</param>
    /// <param name="kernel">Its kernel.</param>
    /// <param name="modes">Handlers for checks, counting and arithmetic.</param>
    /// <param name="globals">Addresses of the text's global variables.</param>
    internal Lowering(PtxModule module, PtxKernel kernel, Modes modes, IReadOnlyDictionary<string, ulong> globals)
    {
        (_module, Kernel, Modes, _globals) = (module, kernel, modes, globals);
        _allocation = new RegisterAllocation(kernel);
        (_slots, _predicates) = (_allocation.Slots, _allocation.Predicates);
        LayOut();
    }

    /// <summary>Decodes the kernel.</summary>
    /// <exception cref="PtxException">An instruction the emulator does not know, or operands that do not fit it.</exception>
    internal KernelProgram Lower()
    {
        int count = Kernel.Instructions.Count;
        Instruction[] code = GC.AllocateArray<Instruction>(count + 1, pinned: true);
        for (int i = 0; i < count; i++) { code[i] = Lower(Kernel.Instructions[i]); }
        code[count] = new Instruction { Kind = InstructionKind.Exit, Guard = -1 };
        Instructions.Mma.PlanFragments(Kernel, code, register => _allocation.SlotOf[register]);
        var reads = new int[count + 1][];
        var writes = new int[count + 1][];
        (reads[count], writes[count]) = ([], []);
        for (int i = 0; i < count; i++)
        {
            List<int> read = [], written = [];
            RegisterAccess.Visit(Kernel.Instructions[i], read.Add, written.Add);
            (reads[i], writes[i]) = ([.. read.Distinct()], [.. written.Distinct()]);
        }
        return new KernelProgram(Kernel, code)
        {
            Slots = _slots,
            Predicates = _predicates,
            Constants = [.. _constants.Select(constant => new ConstantSlot(constant.Value, constant.Key.Bits, constant.Key.IsWide))],
            Specials = [.. _specials.Select(special => (special.Value, special.Key))],
            ConstantPredicates = [.. _constantPredicates.Select(constant => (constant.Value, constant.Key))],
            StaticSharedBytes = StaticSharedBytes,
            LocalBytes = LocalBytes,
            HasGlobalAtomics = HasGlobalAtomics,
            Reads = reads,
            Writes = writes,
        };
    }

    /// <summary>Decodes one instruction.</summary>
    internal Instruction Lower(PtxInstruction source)
    {
        var instruction = new Instruction { Guard = -1 };
        if (source.Guard == -2) { throw Wrong(source, $"predicate {source.GuardName} is not declared"); }
        if (source.Guard >= 0)
        {
            if (Kernel.Registers[source.Guard].Type != PtxType.Pred) { throw Wrong(source, $"{source.GuardName} is no predicate"); }
            instruction.Guard = (short)_allocation.SlotOf[source.Guard];
            if (source.GuardNegated) { instruction.Flags |= InstructionFlags.GuardNegated; }
        }
        if (!InstructionSet.TryFind(source.Root, out LowerInstruction? lower))
        {
            throw Wrong(source, $"instruction {source.Opcode} is not known to the emulator");
        }
        lower(this, source, ref instruction);
        return instruction;
    }

    /// <summary>Shared variables in the order of the text, dynamic memory behind them; local variables likewise.</summary>
    private void LayOut()
    {
        foreach (PtxParameter parameter in Kernel.Parameters) { _variables.TryAdd(parameter.Name, (PtxSpace.Param, (ulong)parameter.Offset)); }
        long shared = 0, local = 0;
        foreach (PtxVariable variable in Kernel.Variables.Concat(_module.Variables))
        {
            ulong address;
            switch (variable.Space)
            {
                case PtxSpace.Shared when variable.Bytes == 0: continue;
                case PtxSpace.Shared: address = SharedBase + (ulong)Place(ref shared, variable); break;
                case PtxSpace.Local: address = (ulong)Place(ref local, variable); break;
                default: address = _globals.GetValueOrDefault(variable.Name); break;
            }
            _variables.TryAdd(variable.Name, (variable.Space, address));
        }
        foreach (PtxVariable variable in _module.Variables.Where(variable => variable.Space == PtxSpace.Shared && variable.Bytes == 0))
        {
            shared = AlignUp(shared, Math.Max(variable.Alignment, 16));
            _variables.TryAdd(variable.Name, (PtxSpace.Shared, SharedBase + (ulong)shared));
        }
        if (shared > 1 << 20) { throw new PtxException(_module.File, Kernel.Line, $"{shared} bytes of shared memory; no GPU has as much"); }
        if (local > 512 << 10) { throw new PtxException(_module.File, Kernel.Line, $"{local} bytes of local memory a thread; at most {512 << 10}"); }
        (StaticSharedBytes, LocalBytes) = ((int)shared, (int)local);
    }

    private static long Place(ref long at, PtxVariable variable)
    {
        long start = AlignUp(at, variable.Alignment);
        at = start + variable.Bytes;
        return start;
    }

    private static long AlignUp(long value, int alignment) => (value + alignment - 1) / alignment * alignment;

    /// <summary>Result and operands of an instruction that works lane by lane; a handler of 0 means that there is none for this type.</summary>
    internal unsafe void Pure(PtxInstruction source, ref Instruction instruction, nint handler, PtxType result, params ReadOnlySpan<PtxType> operands)
    {
        if (handler == 0) { throw Wrong(source, $"instruction {source.Opcode} is not known to the emulator"); }
        Count(source, operands.Length + 1);
        instruction.Execute = (delegate*<Warp, Instruction*, void>)handler;
        instruction.Kind = InstructionKind.Pure;
        instruction.Destinations = 1;
        if (result.Bytes() == 8) { instruction.Flags |= InstructionFlags.Wide; }
        instruction.Slots[0] = Out(source, source.Operands[0], result);
        for (int k = 0; k < operands.Length; k++) { instruction.Slots[k + 1] = In(source, source.Operands[k + 1], operands[k]); }
    }

    internal PtxException Wrong(PtxInstruction instruction, string what) => new(_module.File, instruction.Line, $"{what} ({instruction.Text})");
}
