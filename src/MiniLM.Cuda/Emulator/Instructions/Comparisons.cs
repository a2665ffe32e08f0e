using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>A comparison of 8 lanes: a bit each.</summary>
internal interface ICompare
{
    static abstract uint Apply(Vector256<uint> a, Vector256<uint> b);
}

internal readonly struct Equal32 : ICompare
{
    public static uint Apply(Vector256<uint> a, Vector256<uint> b) => Vector256.Equals(a, b).ExtractMostSignificantBits();
}

internal readonly struct LessSigned32 : ICompare
{
    public static uint Apply(Vector256<uint> a, Vector256<uint> b) => Vector256.LessThan(a.AsInt32(), b.AsInt32()).ExtractMostSignificantBits();
}

internal readonly struct LessUnsigned32 : ICompare
{
    public static uint Apply(Vector256<uint> a, Vector256<uint> b) => Vector256.LessThan(a, b).ExtractMostSignificantBits();
}

internal readonly struct EqualF32 : ICompare
{
    public static uint Apply(Vector256<uint> a, Vector256<uint> b) => Vector256.Equals(a.AsSingle(), b.AsSingle()).ExtractMostSignificantBits();
}

internal readonly struct LessF32 : ICompare
{
    public static uint Apply(Vector256<uint> a, Vector256<uint> b) => Vector256.LessThan(a.AsSingle(), b.AsSingle()).ExtractMostSignificantBits();
}

internal readonly struct LessEqualF32 : ICompare
{
    public static uint Apply(Vector256<uint> a, Vector256<uint> b) => Vector256.LessThanOrEqual(a.AsSingle(), b.AsSingle()).ExtractMostSignificantBits();
}

internal readonly struct OrderedF32 : ICompare
{
    public static uint Apply(Vector256<uint> a, Vector256<uint> b) =>
        (Vector256.Equals(a.AsSingle(), a.AsSingle()) & Vector256.Equals(b.AsSingle(), b.AsSingle())).ExtractMostSignificantBits();
}

/// <summary>Ordered and different.</summary>
internal readonly struct DifferentF32 : ICompare
{
    public static uint Apply(Vector256<uint> a, Vector256<uint> b) => OrderedF32.Apply(a, b) & ~EqualF32.Apply(a, b);
}

internal readonly struct FtzCompare<TCompare> : ICompare where TCompare : struct, ICompare
{
    public static uint Apply(Vector256<uint> a, Vector256<uint> b) => TCompare.Apply(Single.Flush(a), Single.Flush(b));
}

/// <summary>setp, set, selp, slct, testp.</summary>
internal static unsafe class Comparisons
{
    internal static void Register(Dictionary<string, LowerInstruction> table)
    {
        table["setp"] = SetPredicate;
        table["set"] = Set;
        table["selp"] = Select;
        table["slct"] = SelectBySign;
        table["testp"] = Test;
    }

    private static readonly string[] Names =
        ["eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"];

    private static void SetPredicate(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        string name = m.TakeOneOf(Names) ?? throw l.Wrong(s, $"{s.Opcode} has no comparison");
        string? combine = m.TakeOneOf("and", "or", "xor");
        bool ftz = type == PtxType.F32 && m.Take("ftz");
        m.End();
        l.Count(s, combine is null ? 3 : 4);
        PtxOperand destination = s.Operands[0];
        i.Slots[0] = l.Out(s, destination.Elements.Length == 2 ? destination.Elements[0] : destination, PtxType.Pred);
        if (destination.Elements.Length == 2)
        {
            i.Flags |= InstructionFlags.Second;
            i.Slots[4] = l.Out(s, destination.Elements[1], PtxType.Pred);
        }
        if (combine is not null)
        {
            i.Flags |= InstructionFlags.Extra;
            i.Auxiliary = combine switch { "and" => Predicates.And, "or" => Predicates.Or, _ => Predicates.Xor };
            i.Slots[3] = l.In(s, s.Operands[3], PtxType.Pred);
            if (s.Operands[3].Negated) { i.Flags |= InstructionFlags.ExtraNegated; }
        }
        i.Kind = InstructionKind.Masked;
        Compare(l, s, ref i, type, name, ftz, isSet: false);
    }

    private static void Set(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType(), result = m.TakeType();
        string name = m.TakeOneOf(Names) ?? throw l.Wrong(s, $"{s.Opcode} has no comparison");
        bool ftz = type == PtxType.F32 && m.Take("ftz");
        m.End();
        l.Count(s, 3);
        if (result is not (PtxType.U32 or PtxType.S32 or PtxType.F32)) { throw l.Wrong(s, $"{s.Opcode} gives u32, s32 or f32"); }
        i.Slots[0] = l.Out(s, s.Operands[0], result);
        i.Kind = InstructionKind.Pure;
        i.Destinations = 1;
        i.Auxiliary = result == PtxType.F32 ? 0x3f800000 : -1;
        Compare(l, s, ref i, type, name, ftz, isSet: true);
    }

    private static void Compare(Lowering l, PtxInstruction s, ref Instruction i, PtxType type, string name, bool ftz, bool isSet)
    {
        PtxOperand a = s.Operands[1], b = s.Operands[2];
        bool isFloat = type.IsFloat(), isSigned = type.IsSigned();
        // Operands of gt and ge change places; ne, ge and the unordered forms are the inverse of another.
        (string order, bool swap, bool invert) = name switch
        {
            "eq" => ("eq", false, false),
            "ne" when isFloat => ("different", false, false),
            "ne" => ("eq", false, true),
            "lt" or "lo" => ("lt", false, false),
            "gt" or "hi" => ("lt", true, false),
            "le" or "ls" => isFloat ? ("le", false, false) : ("lt", true, true),
            "ge" or "hs" => isFloat ? ("le", true, false) : ("lt", false, true),
            "equ" => ("different", false, true),
            "neu" => ("eq", false, true),
            "ltu" => ("le", true, true),
            "gtu" => ("le", false, true),
            "leu" => ("lt", true, true),
            "geu" => ("lt", false, true),
            "num" => ("ordered", false, false),
            _ => ("ordered", false, true),
        };
        // lo, ls, hi, hs are unsigned whatever the type says: ILGPU writes setp.lo.u32 only, ptxas takes no other.
        bool isUnsignedName = name is "lo" or "ls" or "hi" or "hs", isUnordered = name.Length == 3;
        if (isUnsignedName && (isFloat || isSigned) || isUnordered && !isFloat || type.IsBits() && order != "eq")
        {
            throw l.Wrong(s, $"{s.Opcode}: .{name} is not for {type.Name()}");
        }
        if (invert) { i.Flags |= InstructionFlags.Invert; }
        i.Slots[1] = l.In(s, swap ? b : a, type);
        i.Slots[2] = l.In(s, swap ? a : b, type);
        nint handler = (type.Bytes(), order) switch
        {
            (4, _) when type == PtxType.F32 => order switch
            {
                "eq" => Of<EqualF32>(isSet, ftz),
                "lt" => Of<LessF32>(isSet, ftz),
                "le" => Of<LessEqualF32>(isSet, ftz),
                "ordered" => Of<OrderedF32>(isSet, ftz),
                _ => Of<DifferentF32>(isSet, ftz),
            },
            (4, "eq") when !isFloat => Of<Equal32>(isSet, false),
            (4, "lt") when !isFloat => isSigned ? Of<LessSigned32>(isSet, false) : Of<LessUnsigned32>(isSet, false),
            (8 or 2, _) when !isSet => (nint)(delegate*<Warp, Instruction*, void>)&Scalar,
            _ => 0,
        };
        if (handler == 0) { throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
        i.Choice = (byte)type;
        i.Immediate = order switch { "eq" => 0, "lt" => 1, "le" => 2, "ordered" => 3, _ => 4 };
        i.Execute = (delegate*<Warp, Instruction*, void>)handler;
    }

    private static nint Of<TCompare>(bool isSet, bool ftz) where TCompare : struct, ICompare => (isSet, ftz) switch
    {
        (false, false) => (nint)(delegate*<Warp, Instruction*, void>)&Run<TCompare>,
        (false, true) => (nint)(delegate*<Warp, Instruction*, void>)&Run<FtzCompare<TCompare>>,
        (true, false) => (nint)(delegate*<Warp, Instruction*, void>)&RunSet<TCompare>,
        _ => (nint)(delegate*<Warp, Instruction*, void>)&RunSet<FtzCompare<TCompare>>,
    };

    private static uint Bits<TCompare>(Warp w, Instruction* i) where TCompare : struct, ICompare
    {
        uint* a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]);
        return TCompare.Apply(Vector256.Load(a), Vector256.Load(b))
            | TCompare.Apply(Vector256.Load(a + 8), Vector256.Load(b + 8)) << 8
            | TCompare.Apply(Vector256.Load(a + 16), Vector256.Load(b + 16)) << 16
            | TCompare.Apply(Vector256.Load(a + 24), Vector256.Load(b + 24)) << 24;
    }

    private static void Run<TCompare>(Warp w, Instruction* i) where TCompare : struct, ICompare => Write(w, i, Bits<TCompare>(w, i));

    private static void RunSet<TCompare>(Warp w, Instruction* i) where TCompare : struct, ICompare
    {
        uint result = Bits<TCompare>(w, i);
        if (i->Is(InstructionFlags.Invert)) { result = ~result; }
        uint* d = w.Register(i->Slots[0]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = (result >> lane & 1) != 0 ? (uint)i->Auxiliary : 0; }
    }

    private static void Write(Warp w, Instruction* i, uint result)
    {
        if (i->Is(InstructionFlags.Invert)) { result = ~result; }
        if ((i->Flags & (InstructionFlags.Extra | InstructionFlags.Second)) == 0) { Predicates.Write(w, i->Slots[0], result); return; }
        uint second = ~result;
        if (i->Is(InstructionFlags.Extra))
        {
            uint with = w.Predicates[i->Slots[3]];
            if (i->Is(InstructionFlags.ExtraNegated)) { with = ~with; }
            result = Predicates.Combine((byte)i->Auxiliary, result, with);
            second = Predicates.Combine((byte)i->Auxiliary, second, with);
        }
        Predicates.Write(w, i->Slots[0], result);
        if (i->Is(InstructionFlags.Second)) { Predicates.Write(w, i->Slots[4], second); }
    }

    private static void Scalar(Warp w, Instruction* i)
    {
        var type = (PtxType)i->Choice;
        uint result = 0;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            bool isTrue;
            if (type.IsFloat())
            {
                double a = Value(w, i->Slots[1], lane, type), b = Value(w, i->Slots[2], lane, type);
                isTrue = i->Immediate switch { 0 => a == b, 1 => a < b, 2 => a <= b, 3 => !double.IsNaN(a) && !double.IsNaN(b), _ => a < b || a > b };
            }
            else
            {
                ulong a = Integer(w, i->Slots[1], lane, type), b = Integer(w, i->Slots[2], lane, type);
                isTrue = i->Immediate == 0 ? a == b : type.IsSigned() ? (long)a < (long)b : a < b;
            }
            if (isTrue) { result |= 1u << lane; }
        }
        Write(w, i, result);
    }

    private static double Value(Warp w, int slot, int lane, PtxType type) => type switch
    {
        PtxType.F64 => ((double*)w.Wide(slot))[lane],
        PtxType.BF16 => Fp16.BfloatValue(w.Register(slot)[lane]),
        _ => Fp16.Value(w.Register(slot)[lane]),
    };

    private static ulong Integer(Warp w, int slot, int lane, PtxType type) => type.Bytes() switch
    {
        8 => w.Wide(slot)[lane],
        _ => type.IsSigned() ? (ulong)(long)(short)w.Register(slot)[lane] : (ushort)w.Register(slot)[lane],
    };

    private static void Select(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        m.End();
        nint handler = type.Bytes() switch
        {
            2 or 4 => (nint)(delegate*<Warp, Instruction*, void>)&RunSelect,
            8 => (nint)(delegate*<Warp, Instruction*, void>)&RunSelectWide,
            _ => 0,
        };
        l.Pure(s, ref i, handler, type, type, type, PtxType.Pred);
        if (s.Operands[3].Negated) { i.Flags |= InstructionFlags.ExtraNegated; }
    }

    private static readonly Vector256<uint> LaneBits = Vector256.Create(1u, 2, 4, 8, 16, 32, 64, 128);

    /// <summary>8 lanes of a mask as a vector of all ones and zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<uint> Expand(uint mask) => Vector256.Equals(Vector256.Create(mask) & LaneBits, LaneBits);

    private static void RunSelect(Warp w, Instruction* i)
    {
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]);
        uint p = w.Predicates[i->Slots[3]];
        if (i->Is(InstructionFlags.ExtraNegated)) { p = ~p; }
        for (int lane = 0; lane < Warp.Lanes; lane += 8)
        {
            Vector256.ConditionalSelect(Expand(p >> lane & 255), Vector256.Load(a + lane), Vector256.Load(b + lane)).Store(d + lane);
        }
    }

    private static void RunSelectWide(Warp w, Instruction* i)
    {
        ulong* d = w.Wide(i->Slots[0]), a = w.Wide(i->Slots[1]), b = w.Wide(i->Slots[2]);
        uint p = w.Predicates[i->Slots[3]];
        if (i->Is(InstructionFlags.ExtraNegated)) { p = ~p; }
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = (p >> lane & 1) != 0 ? a[lane] : b[lane]; }
    }

    /// <summary>slct: a where c is not negative (a zero of either sign is not, a NaN is).</summary>
    private static void SelectBySign(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType by = m.TakeType(), type = m.TakeType();
        m.Take("ftz");
        m.End();
        nint handler = (type.Bytes(), by) switch
        {
            (4 or 2, PtxType.S32 or PtxType.F32) => (nint)(delegate*<Warp, Instruction*, void>)&RunSelectBySign,
            (8, PtxType.S32 or PtxType.F32) => (nint)(delegate*<Warp, Instruction*, void>)&RunSelectBySignWide,
            _ => 0,
        };
        l.Pure(s, ref i, handler, type, type, type, by);
        i.Choice = (byte)by;
    }

    private static bool IsNotNegative(Warp w, Instruction* i, int lane)
    {
        uint c = w.Register(i->Slots[3])[lane];
        return (PtxType)i->Choice == PtxType.S32 ? (int)c >= 0 : BitConverter.UInt32BitsToSingle(c) >= 0;
    }

    private static void RunSelectBySign(Warp w, Instruction* i)
    {
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = IsNotNegative(w, i, lane) ? a[lane] : b[lane]; }
    }

    private static void RunSelectBySignWide(Warp w, Instruction* i)
    {
        ulong* d = w.Wide(i->Slots[0]), a = w.Wide(i->Slots[1]), b = w.Wide(i->Slots[2]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = IsNotNegative(w, i, lane) ? a[lane] : b[lane]; }
    }

    private static void Test(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        string? name = m.TakeOneOf("finite", "infinite", "number", "notanumber", "normal", "subnormal");
        m.End();
        l.Count(s, 2);
        if (name is null || type is not (PtxType.F32 or PtxType.F64)) { throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
        i.Kind = InstructionKind.Masked;
        i.Slots[0] = l.Out(s, s.Operands[0], PtxType.Pred);
        i.Slots[1] = l.In(s, s.Operands[1], type);
        i.Choice = (byte)type;
        i.Auxiliary = name switch { "finite" => 0, "infinite" => 1, "number" => 2, "notanumber" => 3, "normal" => 4, _ => 5 };
        i.Execute = &RunTest;
    }

    private static void RunTest(Warp w, Instruction* i)
    {
        uint result = 0;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            bool isWide = (PtxType)i->Choice == PtxType.F64;
            double value = isWide ? ((double*)w.Wide(i->Slots[1]))[lane] : ((float*)w.Register(i->Slots[1]))[lane];
            double least = isWide ? 2.2250738585072014e-308 : 1.1754943508222875e-38;
            bool isTrue = i->Auxiliary switch
            {
                0 => double.IsFinite(value),
                1 => double.IsInfinity(value),
                2 => !double.IsNaN(value),
                3 => double.IsNaN(value),
                4 => double.IsFinite(value) && Math.Abs(value) >= least,
                _ => value != 0 && Math.Abs(value) < least,
            };
            if (isTrue) { result |= 1u << lane; }
        }
        Predicates.Write(w, i->Slots[0], result);
    }
}
