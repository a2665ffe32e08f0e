using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>Decodes mma.sync: m16n8k8 and m16n8k16 of fp16 and bf16 with fp32 sums, and the int8 forms. Slots: D 0-3, A 4-7, B 8-9, C 12-15.</summary>
/// <remarks>With lane l, g = l / 4, q = l % 4, and registers low half first: register r of A has row g + 8 (r mod 2), columns 2q, 2q + 1 (+ 8 for r of 2, 3);
/// register r of B rows 2q, 2q + 1 (+ 8r), column g; c_i row g + 8 (i / 2), column 2q + i mod 2. So a register of A, 32 lanes of two halves, is an 8x8
/// matrix row after row, and one of B is 8x8 column after column.</remarks>
internal static unsafe class Mma
{
    /// <summary>Fragments of a warp kept as floats: A 16x16, B 16x8.</summary>
    internal const int AFragments = 4, BFragments = 16, AFloats = 256, BFloats = 128;

    internal const int FragmentFloats = AFragments * AFloats + BFragments * BFloats;

    /// <summary>Bits of Choice: the operand is converted now; otherwise its fragment is there already.</summary>
    internal const byte ConvertA = 1, ConvertB = 2;

    internal static void Register(Dictionary<string, LowerInstruction> table) => table["mma"] = Lower;

    private static void Lower(Lowering l, PtxInstruction s, ref Instruction i)
    {
        string[] m = s.Modifiers;
        bool isSaturating = s.Has("satfinite");
        string[] rest = [.. m.Where(modifier => modifier is not "satfinite")];
        if (rest.Length != 9 || rest[0] != "sync" || rest[1] != "aligned" || rest[3] != "row" || rest[4] != "col")
        {
            throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator");
        }
        (string shape, string d, string a, string b, string c) = (rest[2], rest[5], rest[6], rest[7], rest[8]);
        l.Count(s, 4);
        i.Kind = InstructionKind.Warp;
        bool isInteger = d == "s32" && c == "s32" && a is "s8" or "u8" && b is "s8" or "u8";
        (int aRegisters, int bRegisters, int cRegisters) = (isInteger, shape) switch
        {
            (false, "m16n8k8") => (2, 1, 4),
            (false, "m16n8k16") => (4, 2, 4),
            (true, "m8n8k16") => (1, 1, 2),
            (true, "m16n8k16") => (2, 1, 4),
            (true, "m16n8k32") => (4, 2, 4),
            _ => (0, 0, 0),
        };
        bool isFloat = !isSaturating && d == "f32" && c == "f32" && a == b && a is "f16" or "bf16";
        if (aRegisters == 0 || !isInteger && !isFloat) { throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
        PtxType sums = isInteger ? PtxType.S32 : PtxType.F32;
        Fill(l, s, ref i, 0, 0, cRegisters, sums, isOut: true);
        Fill(l, s, ref i, 1, 4, aRegisters, PtxType.B32, isOut: false);
        Fill(l, s, ref i, 2, 8, bRegisters, PtxType.B32, isOut: false);
        Fill(l, s, ref i, 3, 12, cRegisters, sums, isOut: false);
        if (isInteger)
        {
            (i.ElementBytes, i.Elements) = ((byte)aRegisters, (byte)cRegisters);
            i.Auxiliary = (a == "s8" ? 1 : 0) | (b == "s8" ? 2 : 0) | (isSaturating ? 4 : 0);
            i.Execute = &MmaInt8.Run;
            return;
        }
        i.Choice = ConvertA | ConvertB;
        i.Elements = (byte)aRegisters;
        i.Target = a == "bf16" ? 1 : 0;
        i.Execute = l.Modes.Mma switch
        {
            MmaMode.Exact => &MmaOrders.Exact,
            MmaMode.Reverse => &MmaOrders.Reverse,
            MmaMode.Truncate4 => &MmaOrders.Truncate4,
            MmaMode.Truncate8 => &MmaOrders.Truncate8,
            MmaMode.Truncate16 => &MmaOrders.Truncate16,
            _ => aRegisters == 4 ? &MmaFused.K16 : &MmaFused.K8,
        };
    }

    private static void Fill(Lowering l, PtxInstruction s, ref Instruction i, int operand, int slot, int registers, PtxType type, bool isOut)
    {
        PtxOperand[] parts = l.Vector(s, s.Operands[operand], registers);
        for (int k = 0; k < registers; k++) { i.Slots[slot + k] = isOut ? l.Out(s, parts[k], type) : l.In(s, parts[k], type); }
    }

    /// <summary>A tile's products use each fragment several times in a row: it is converted once where nothing comes between that could change it.</summary>
    internal static void PlanFragments(PtxKernel kernel, Instruction[] code, Func<int, int> slotOf)
    {
        var targets = new HashSet<int>(kernel.Instructions.SelectMany(instruction => FlowGraph.Targets(kernel, instruction)));
        List<(int Key0, int Key1, int Key2, int Key3, int Index)> a = [], b = [];
        int nextA = 0, nextB = 0, element = 0;
        for (int pc = 0; pc < kernel.Instructions.Count; pc++)
        {
            PtxInstruction source = kernel.Instructions[pc];
            ref Instruction i = ref code[pc];
            if (targets.Contains(pc)) { Forget(); }
            bool isMma = source.Root == "mma" && i.Choice != 0;
            if (isMma && i.Guard < 0)
            {
                int k = i.Elements;
                if (i.Target != element) { Forget(); }
                element = i.Target;
                bool hasA = Find(a, (i.Slots[4], i.Slots[5], k == 4 ? i.Slots[6] : -1, k == 4 ? i.Slots[7] : -1), ref nextA, AFragments, out int atA);
                bool hasB = Find(b, (i.Slots[8], k == 4 ? i.Slots[9] : -1, -1, -1), ref nextB, BFragments, out int atB);
                i.Choice = (byte)((hasA ? 0 : ConvertA) | (hasB ? 0 : ConvertB));
                i.Auxiliary = atA | atB << 8;
            }
            else if (isMma) { Forget(); }
            if (i.Kind is not (InstructionKind.Pure or InstructionKind.Masked or InstructionKind.Members or InstructionKind.Warp or InstructionKind.Nothing))
            {
                Forget();
                continue;
            }
            RegisterAccess.Visit(source, _ => { }, register =>
            {
                if (kernel.Registers[register].Type == PtxType.Pred) { return; }
                int slot = slotOf(register);
                int last = slot + (kernel.Registers[register].Type.Bytes() == 8 ? 1 : 0);
                a.RemoveAll(entry => Uses(entry, slot) || Uses(entry, last));
                b.RemoveAll(entry => Uses(entry, slot) || Uses(entry, last));
            });
        }
        void Forget()
        {
            a.Clear();
            b.Clear();
        }
    }

    private static bool Uses((int Key0, int Key1, int Key2, int Key3, int Index) entry, int slot) =>
        entry.Key0 == slot || entry.Key1 == slot || entry.Key2 == slot || entry.Key3 == slot;

    private static bool Find(List<(int Key0, int Key1, int Key2, int Key3, int Index)> known, (int A, int B, int C, int D) key, ref int next,
        int fragments, out int index)
    {
        foreach ((int key0, int key1, int key2, int key3, int at) in known)
        {
            if ((key0, key1, key2, key3) == key) { index = at; return true; }
        }
        int taken = index = next;
        next = (next + 1) % fragments;
        known.RemoveAll(entry => entry.Index == taken);
        known.Add((key.A, key.B, key.C, key.D, index));
        return false;
    }

    internal static void RequireWarp(Warp w)
    {
        if (w.Mask != Warp.Full) { throw w.Fault(KernelFault.DivergentWarp, ~w.Mask, "mma needs all 32 lanes"); }
    }
}
