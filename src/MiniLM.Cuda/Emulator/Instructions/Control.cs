using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>Decodes bra, brx.idx, ret, exit, trap, barriers and fences. The interpreter runs them.</summary>
internal static unsafe class Control
{
    internal static void Register(Dictionary<string, LowerInstruction> table)
    {
        table["bra"] = Branch;
        table["brx"] = BranchIndexed;
        table["ret"] = Leave;
        table["exit"] = Leave;
        table["trap"] = (Lowering l, PtxInstruction s, ref Instruction i) => i.Kind = InstructionKind.Trap;
        table["bar"] = Barrier;
        table["barrier"] = Barrier;
        table["membar"] = Fence;
        table["fence"] = Fence;
        table["nanosleep"] = (Lowering l, PtxInstruction s, ref Instruction i) => i.Kind = InstructionKind.Nothing;
        table["brkpt"] = table["nanosleep"];
        table["pmevent"] = table["nanosleep"];
    }

    private static void Branch(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        m.Take("uni");
        m.End();
        l.Count(s, 1);
        PtxOperand label = s.Operands[0];
        if (label.Kind != PtxOperandKind.Label || label.Target < 0) { throw l.Wrong(s, $"label {label.Name} is not declared"); }
        i.Kind = InstructionKind.Branch;
        i.Target = label.Target;
    }

    private static void BranchIndexed(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        bool isIndexed = m.Take("idx");
        m.Take("uni");
        m.End();
        l.Count(s, 2);
        if (!isIndexed) { throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
        if (!l.Kernel.BranchTargets.TryGetValue(s.Operands[1].Name, out PtxOperand[]? targets))
        {
            throw l.Wrong(s, $"branch targets {s.Operands[1].Name} are not declared");
        }
        foreach (PtxOperand target in targets) { if (target.Target < 0) { throw l.Wrong(s, $"label {target.Name} is not declared"); } }
        i.Slots[0] = l.In(s, s.Operands[0], PtxType.U32);
        i.Kind = InstructionKind.BranchIndexed;
    }

    private static void Leave(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        m.Take("uni");
        m.End();
        l.Count(s, 0);
        i.Kind = InstructionKind.Exit;
    }

    private static void Barrier(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        bool isWarp = s.Root == "bar" && m.Take("warp");
        bool isSync = m.Take("sync"), isReduction = !isWarp && m.Take("red");
        m.Take("cta");
        m.Take("aligned");
        if (isWarp)
        {
            m.End();
            l.Count(s, 1);
            if (!isSync) { throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
            i.Slots[4] = l.In(s, s.Operands[0], PtxType.U32);
            i.Kind = InstructionKind.Members;
            i.Execute = (delegate*<Warp, Instruction*, void>)l.Modes.WarpBarrier;
            return;
        }
        i.Target = -1;
        if (!isReduction)
        {
            m.End();
            if (!isSync || s.Operands.Length is not (1 or 2))
            {
                throw l.Wrong(s, $"instruction {s.Opcode} with {s.Operands.Length} operands is not known to the emulator");
            }
            i.Kind = InstructionKind.Barrier;
            i.Slots[0] = l.In(s, s.Operands[0], PtxType.U32);
            if (s.Operands.Length == 2) { i.Slots[1] = l.In(s, s.Operands[1], PtxType.U32); i.Target = 1; }
            return;
        }
        string? name = m.TakeOneOf("popc", "and", "or");
        PtxType type = m.TakeType();
        m.End();
        if (name is null || type != (name == "popc" ? PtxType.U32 : PtxType.Pred) || s.Operands.Length is not (3 or 4))
        {
            throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator");
        }
        i.Kind = InstructionKind.BarrierReduce;
        i.Choice = (byte)(name switch { "popc" => 0, "and" => 1, _ => 2 });
        i.Slots[0] = l.In(s, s.Operands[1], PtxType.U32);
        if (s.Operands.Length == 4) { i.Slots[1] = l.In(s, s.Operands[2], PtxType.U32); i.Target = 1; }
        i.Slots[2] = l.Out(s, s.Operands[0], type);
        i.Slots[3] = l.In(s, s.Operands[^1], PtxType.Pred);
        if (s.Operands[^1].Negated) { i.Flags |= InstructionFlags.ExtraNegated; }
    }

    /// <summary>One warp runs at a time, in the order of its text: nothing to wait for.</summary>
    private static void Fence(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        m.TakeOneOf("sc", "acq_rel", "acquire", "release");
        if (m.TakeOneOf("cta", "gl", "sys", "gpu", "cluster") is null) { throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
        m.End();
        i.Kind = InstructionKind.Nothing;
    }
}

/// <summary>bar.warp.sync: lanes of one warp, and their memory, are in order again.</summary>
internal static unsafe class WarpBarriers<TChecks> where TChecks : struct, IChecks
{
    internal static void Wait(Warp w, Instruction* i)
    {
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            if ((w.Mask >> lane & 1) == 0) { continue; }
            uint missing = w.Register(i->Slots[4])[lane] & w.Live & ~w.Mask;
            if (missing != 0)
            {
                throw w.Fault(KernelFault.DivergentWarp, missing,
                    $"bar.warp.sync waits for lanes 0x{w.Register(i->Slots[4])[lane]:x8}, and only 0x{w.Mask:x8} are here");
            }
        }
        if (TChecks.On) { w.Block.Shadow!.OrderLanes(w); }
    }
}
