using System.Numerics;
using System.Runtime.Intrinsics;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>and, or, xor, not, cnot, shl, shr, shf, popc, clz, brev, bfe, bfi, bfind, lop3, prmt; the logic of predicates too.</summary>
internal static unsafe class BitOperations32
{
    internal static void Register(Dictionary<string, LowerInstruction> table)
    {
        table["and"] = (Lowering l, PtxInstruction s, ref Instruction i) => Logic(l, s, ref i, Lanes.Of2<And32>(), Lanes.OfWide2<And64>(), 0);
        table["or"] = (Lowering l, PtxInstruction s, ref Instruction i) => Logic(l, s, ref i, Lanes.Of2<Or32>(), Lanes.OfWide2<Or64>(), 1);
        table["xor"] = (Lowering l, PtxInstruction s, ref Instruction i) => Logic(l, s, ref i, Lanes.Of2<Xor32>(), Lanes.OfWide2<Xor64>(), 2);
        table["not"] = Not;
        table["cnot"] = (Lowering l, PtxInstruction s, ref Instruction i) => Unary<LogicalNot>(l, s, ref i);
        table["shl"] = Shift;
        table["shr"] = Shift;
        table["shf"] = Funnel;
        table["popc"] = (Lowering l, PtxInstruction s, ref Instruction i) => Counting<PopulationCount>(l, s, ref i);
        table["clz"] = (Lowering l, PtxInstruction s, ref Instruction i) => Counting<LeadingZeros>(l, s, ref i);
        table["brev"] = (Lowering l, PtxInstruction s, ref Instruction i) => Unary<Reverse>(l, s, ref i);
        table["bfind"] = FindLeading;
        table["bfe"] = Extract;
        table["bfi"] = Insert;
        table["lop3"] = Lop3;
        table["prmt"] = Permute;
    }

    private static void Logic(Lowering l, PtxInstruction s, ref Instruction i, nint narrow, nint wide, byte choice)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        m.End();
        if (type == PtxType.Pred)
        {
            l.Count(s, 3);
            Predicates.Lower(l, s, ref i, choice);
            i.Slots[1] = l.In(s, s.Operands[1], PtxType.Pred);
            i.Slots[2] = l.In(s, s.Operands[2], PtxType.Pred);
            return;
        }
        l.Pure(s, ref i, type switch { PtxType.B16 or PtxType.B32 => narrow, PtxType.B64 => wide, _ => 0 }, type, type, type);
    }

    private static void Not(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        m.End();
        if (type == PtxType.Pred)
        {
            l.Count(s, 2);
            Predicates.Lower(l, s, ref i, 3);
            i.Slots[1] = l.In(s, s.Operands[1], PtxType.Pred);
            return;
        }
        nint complement = type switch { PtxType.B32 => Lanes.Of1<Not32>(), PtxType.B16 or PtxType.B64 => ScalarLanes.Of1<Complement>(type), _ => 0 };
        l.Pure(s, ref i, complement, type, type);
    }

    private static void Unary<TOp>(Lowering l, PtxInstruction s, ref Instruction i) where TOp : struct, IInteger1
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        m.End();
        l.Pure(s, ref i, type.IsBits() && !(s.Root == "brev" && type == PtxType.B16) ? ScalarLanes.Of1<TOp>(type) : 0, type, type);
    }

    private static void Shift(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        m.End();
        bool isLeft = s.Root == "shl";
        nint handler = type switch
        {
            PtxType.B32 when isLeft => Lanes.Of2<ShiftLeft32>(),
            PtxType.B16 when isLeft => ScalarLanes.Mixed2<ShiftLeftAny, U16, U16, U32>(),
            PtxType.B64 when isLeft => ScalarLanes.Mixed2<ShiftLeftAny, U64, U64, U32>(),
            _ when isLeft => 0,
            PtxType.B32 or PtxType.U32 => Lanes.Of2<ShiftRight32>(),
            PtxType.S32 => Lanes.Of2<ShiftRightSigned32>(),
            PtxType.B16 or PtxType.U16 => ScalarLanes.Mixed2<ShiftRightAny, U16, U16, U32>(),
            PtxType.S16 => ScalarLanes.Mixed2<ShiftRightAny, U16, S16, U32>(),
            PtxType.B64 or PtxType.U64 => ScalarLanes.Mixed2<ShiftRightAny, U64, U64, U32>(),
            PtxType.S64 => ScalarLanes.Mixed2<ShiftRightAny, U64, S64, U32>(),
            _ => 0,
        };
        l.Pure(s, ref i, handler, type, type, PtxType.U32);
    }

    private static void Counting<TOp>(Lowering l, PtxInstruction s, ref Instruction i) where TOp : struct, IInteger2
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        m.End();
        // The second operand of the general form is not there: the first stands in for it.
        l.Pure(s, ref i, type switch
        {
            PtxType.B32 => ScalarLanes.Mixed2<TOp, U32, U32, U32>(),
            PtxType.B64 => ScalarLanes.Mixed2<TOp, U32, U64, U64>(),
            _ => 0,
        }, PtxType.U32, type);
        i.Slots[2] = i.Slots[1];
    }

    private static void FindLeading(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        bool isShift = m.Take("shiftamt");
        m.End();
        l.Pure(s, ref i, (type, isShift) switch
        {
            (PtxType.U32, false) => ScalarLanes.Mixed2<LeadingBit, U32, U32, U32>(),
            (PtxType.S32, false) => ScalarLanes.Mixed2<LeadingBit, U32, S32, S32>(),
            (PtxType.U64, false) => ScalarLanes.Mixed2<LeadingBit, U32, U64, U64>(),
            (PtxType.S64, false) => ScalarLanes.Mixed2<LeadingBit, U32, S64, S64>(),
            (PtxType.U32, true) => ScalarLanes.Mixed2<LeadingBitShift, U32, U32, U32>(),
            (PtxType.S32, true) => ScalarLanes.Mixed2<LeadingBitShift, U32, S32, S32>(),
            (PtxType.U64, true) => ScalarLanes.Mixed2<LeadingBitShift, U32, U64, U64>(),
            (PtxType.S64, true) => ScalarLanes.Mixed2<LeadingBitShift, U32, S64, S64>(),
            _ => 0,
        }, PtxType.U32, type);
        i.Slots[2] = i.Slots[1];
    }

    private static void Funnel(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        string? direction = m.TakeOneOf("l", "r"), mode = m.TakeOneOf("clamp", "wrap");
        m.End();
        l.Pure(s, ref i, (direction, mode, type) switch
        {
            ("l", "clamp", PtxType.B32) => ScalarLanes.Of3<FunnelLeftClamp>(PtxType.U32),
            ("l", "wrap", PtxType.B32) => ScalarLanes.Of3<FunnelLeftWrap>(PtxType.U32),
            ("r", "clamp", PtxType.B32) => ScalarLanes.Of3<FunnelRightClamp>(PtxType.U32),
            ("r", "wrap", PtxType.B32) => ScalarLanes.Of3<FunnelRightWrap>(PtxType.U32),
            _ => 0,
        }, type, type, type, PtxType.U32);
    }

    private static void Extract(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        m.End();
        l.Pure(s, ref i, type is PtxType.U32 or PtxType.S32 or PtxType.U64 or PtxType.S64 ? (nint)(delegate*<Warp, Instruction*, void>)&RunExtract : 0,
            type, type, PtxType.U32, PtxType.U32);
        i.Choice = (byte)type;
    }

    private static void RunExtract(Warp w, Instruction* i)
    {
        var type = (PtxType)i->Choice;
        uint* position = w.Register(i->Slots[2]), length = w.Register(i->Slots[3]);
        int bits = type.Bytes() * 8;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            ulong a = bits == 64 ? w.Wide(i->Slots[1])[lane] : w.Register(i->Slots[1])[lane];
            int from = (int)(position[lane] & 255), count = (int)(length[lane] & 255);
            ulong result = from >= bits ? 0 : a >> from;
            ulong mask = count >= 64 ? ulong.MaxValue : (1UL << count) - 1;
            result &= mask;
            // The sign is the field's last bit, or the value's when the field goes past it.
            if (type.IsSigned() && count > 0 && (a >> Math.Min(from + count - 1, bits - 1) & 1) != 0)
            {
                int valid = Math.Clamp(bits - from, 0, count);
                result |= valid >= 64 ? 0 : ulong.MaxValue << valid;
            }
            if (bits == 64) { w.Wide(i->Slots[0])[lane] = result; } else { w.Register(i->Slots[0])[lane] = (uint)result; }
        }
    }

    private static void Insert(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        m.End();
        l.Pure(s, ref i, type is PtxType.B32 or PtxType.B64 ? (nint)(delegate*<Warp, Instruction*, void>)&RunInsert : 0,
            type, type, type, PtxType.U32, PtxType.U32);
        i.Choice = (byte)type;
    }

    /// <summary>The low bits of a into b.</summary>
    private static void RunInsert(Warp w, Instruction* i)
    {
        bool isWide = (PtxType)i->Choice == PtxType.B64;
        uint* position = w.Register(i->Slots[3]), length = w.Register(i->Slots[4]);
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            ulong a = isWide ? w.Wide(i->Slots[1])[lane] : w.Register(i->Slots[1])[lane],
                b = isWide ? w.Wide(i->Slots[2])[lane] : w.Register(i->Slots[2])[lane];
            int from = (int)(position[lane] & 255), count = (int)(length[lane] & 255);
            ulong mask = from >= 64 ? 0 : (count >= 64 ? ulong.MaxValue : (1UL << count) - 1) << from;
            ulong result = b & ~mask | (from >= 64 ? 0 : a << from) & mask;
            if (isWide) { w.Wide(i->Slots[0])[lane] = result; } else { w.Register(i->Slots[0])[lane] = (uint)result; }
        }
    }

    private static void Lop3(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        m.End();
        l.Count(s, 5);
        if (s.Operands[4].Kind != PtxOperandKind.Immediate || s.Operands[4].Bits > 255) { throw l.Wrong(s, "the truth table of lop3 is a constant up to 255"); }
        l.Pure(s, ref i, type == PtxType.B32 ? (nint)(delegate*<Warp, Instruction*, void>)&RunLop3 : 0, type, type, type, type, PtxType.B32);
        i.Choice = (byte)s.Operands[4].Bits;
    }

    /// <summary>Bit k of the table is the result where the bits of a, b, c are those of k.</summary>
    private static void RunLop3(Warp w, Instruction* i)
    {
        uint* d = w.Register(i->Slots[0]), pa = w.Register(i->Slots[1]), pb = w.Register(i->Slots[2]), pc = w.Register(i->Slots[3]);
        for (int lane = 0; lane < Warp.Lanes; lane += 8)
        {
            Vector256<uint> a = Vector256.Load(pa + lane), b = Vector256.Load(pb + lane), c = Vector256.Load(pc + lane), result = default;
            for (int k = 0; k < 8; k++)
            {
                if ((i->Choice >> k & 1) == 0) { continue; }
                result |= ((k & 4) != 0 ? a : ~a) & ((k & 2) != 0 ? b : ~b) & ((k & 1) != 0 ? c : ~c);
            }
            result.Store(d + lane);
        }
    }

    private static void Permute(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        string? mode = m.TakeOneOf("f4e", "b4e", "rc8", "ecl", "ecr", "rc16");
        m.End();
        l.Pure(s, ref i, type == PtxType.B32 && mode is null ? (nint)(delegate*<Warp, Instruction*, void>)&RunPermute : 0, type, type, type, PtxType.B32);
    }

    /// <summary>Each nibble of c chooses a byte of b:a; its top bit asks for the byte's sign instead.</summary>
    private static void RunPermute(Warp w, Instruction* i)
    {
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]), c = w.Register(i->Slots[3]);
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            ulong bytes = (ulong)b[lane] << 32 | a[lane];
            uint result = 0;
            for (int k = 0; k < 4; k++)
            {
                uint selector = c[lane] >> 4 * k & 15;
                uint value = (uint)(bytes >> 8 * (int)(selector & 7)) & 255;
                if ((selector & 8) != 0) { value = (value & 128) != 0 ? 255u : 0; }
                result |= value << 8 * k;
            }
            d[lane] = result;
        }
    }

    private readonly struct PopulationCount : IInteger2
    {
        public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement => (ulong)BitOperations.PopCount(a);
    }

    private readonly struct LeadingZeros : IInteger2
    {
        public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement => (ulong)(BitOperations.LeadingZeroCount(a) - (64 - T.Bits));
    }

    /// <summary>Position of the leading bit that is not the sign; all ones when there is none.</summary>
    private readonly struct LeadingBit : IInteger2
    {
        public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement
        {
            if (T.IsSigned && (long)a < 0) { a = ~a; }
            return a == 0 ? uint.MaxValue : (ulong)(63 - BitOperations.LeadingZeroCount(a));
        }
    }

    private readonly struct LeadingBitShift : IInteger2
    {
        public static ulong Apply<T>(ulong a, ulong b) where T : struct, IElement
        {
            ulong position = LeadingBit.Apply<T>(a, b);
            return position == uint.MaxValue ? position : (ulong)(T.Bits - 1) - position;
        }
    }

    private readonly struct Reverse : IInteger1
    {
        public static ulong Apply<T>(ulong a) where T : struct, IElement
        {
            ulong result = 0;
            for (int k = 0; k < T.Bits; k++) { result |= (a >> k & 1) << T.Bits - 1 - k; }
            return result;
        }
    }

    private readonly struct FunnelLeftClamp : IInteger3
    {
        public static ulong Apply<T>(ulong a, ulong b, ulong c) where T : struct, IElement => (b << 32 | a) << (int)Math.Min(c, 32) >> 32;
    }

    private readonly struct FunnelLeftWrap : IInteger3
    {
        public static ulong Apply<T>(ulong a, ulong b, ulong c) where T : struct, IElement => (b << 32 | a) << (int)(c & 31) >> 32;
    }

    private readonly struct FunnelRightClamp : IInteger3
    {
        public static ulong Apply<T>(ulong a, ulong b, ulong c) where T : struct, IElement => (b << 32 | a) >> (int)Math.Min(c, 32);
    }

    private readonly struct FunnelRightWrap : IInteger3
    {
        public static ulong Apply<T>(ulong a, ulong b, ulong c) where T : struct, IElement => (b << 32 | a) >> (int)(c & 31);
    }
}
