using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>add, sub, mul, mad, fma, div, rem, min, max, neg, abs, sad, copysign of all types.</summary>
internal static unsafe class Arithmetic
{
    internal static void Register(Dictionary<string, LowerInstruction> table)
    {
        table["add"] = (Lowering l, PtxInstruction s, ref Instruction i) => Lower2(l, s, ref i, "add");
        table["sub"] = (Lowering l, PtxInstruction s, ref Instruction i) => Lower2(l, s, ref i, "sub");
        table["min"] = (Lowering l, PtxInstruction s, ref Instruction i) => Lower2(l, s, ref i, "min");
        table["max"] = (Lowering l, PtxInstruction s, ref Instruction i) => Lower2(l, s, ref i, "max");
        table["rem"] = (Lowering l, PtxInstruction s, ref Instruction i) => Lower2(l, s, ref i, "rem");
        table["copysign"] = (Lowering l, PtxInstruction s, ref Instruction i) => Lower2(l, s, ref i, "copysign");
        table["mul"] = Multiply;
        table["mad"] = MultiplyAdd;
        table["fma"] = MultiplyAdd;
        table["sad"] = Sad;
        table["div"] = DivideAny;
        table["neg"] = (Lowering l, PtxInstruction s, ref Instruction i) => Sign(l, s, ref i, isNegation: true);
        table["abs"] = (Lowering l, PtxInstruction s, ref Instruction i) => Sign(l, s, ref i, isNegation: false);
    }

    private static void Lower2(Lowering l, PtxInstruction s, ref Instruction i, string root)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        nint handler;
        if (type.IsFloat())
        {
            bool isArithmetic = root is "add" or "sub";
            if (isArithmetic) { m.Take("rn"); }
            bool ftz = type is not (PtxType.F64 or PtxType.BF16 or PtxType.BF16x2) && m.Take("ftz");
            bool sat = isArithmetic && type == PtxType.F32 && m.Take("sat");
            bool nan = root is "min" or "max" && type == PtxType.F32 && m.Take("NaN");
            handler = (root, type) switch
            {
                ("add", PtxType.F32) => F32<AddF32>(ftz, sat),
                ("sub", PtxType.F32) => F32<SubtractF32>(ftz, sat),
                ("min", PtxType.F32) => nan ? F32<PropagateNaN<MinF32>>(ftz, false) : F32<MinF32>(ftz, false),
                ("max", PtxType.F32) => nan ? F32<PropagateNaN<MaxF32>>(ftz, false) : F32<MaxF32>(ftz, false),
                ("copysign", PtxType.F32) => F32<CopySignF32>(false, false),
                ("add", PtxType.F64) => ScalarLanes.Double2<AddF64>(),
                ("sub", PtxType.F64) => ScalarLanes.Double2<SubtractF64>(),
                ("min", PtxType.F64) => ScalarLanes.Double2<MinF64>(),
                ("max", PtxType.F64) => ScalarLanes.Double2<MaxF64>(),
                ("copysign", PtxType.F64) => ScalarLanes.Double2<CopySignF64>(),
                ("add", _) when !ftz => Half<AddF16>(type),
                ("sub", _) when !ftz => Half<SubtractF16>(type),
                ("min", _) when !ftz => Half<MinF16>(type),
                ("max", _) when !ftz => Half<MaxF16>(type),
                _ => 0,
            };
        }
        else
        {
            handler = (root, type) switch
            {
                ("add", PtxType.U32 or PtxType.S32) => Lanes.Of2<Add32>(),
                ("sub", PtxType.U32 or PtxType.S32) => Lanes.Of2<Subtract32>(),
                ("min", PtxType.U32) => Lanes.Of2<MinUnsigned32>(),
                ("max", PtxType.U32) => Lanes.Of2<MaxUnsigned32>(),
                ("min", PtxType.S32) => Lanes.Of2<MinSigned32>(),
                ("max", PtxType.S32) => Lanes.Of2<MaxSigned32>(),
                ("add", PtxType.U64 or PtxType.S64) => Lanes.OfWide2<Add64>(),
                ("sub", PtxType.U64 or PtxType.S64) => Lanes.OfWide2<Subtract64>(),
                ("add", _) when type.IsInteger() => ScalarLanes.Of2<AddAny>(type),
                ("sub", _) when type.IsInteger() => ScalarLanes.Of2<SubtractAny>(type),
                ("min", _) when type.IsInteger() => ScalarLanes.Of2<MinAny>(type),
                ("max", _) when type.IsInteger() => ScalarLanes.Of2<MaxAny>(type),
                ("rem", _) when type.IsInteger() => ScalarLanes.Of2<Remainder>(type),
                _ => 0,
            };
        }
        m.End();
        l.Pure(s, ref i, handler, type, type, type);
    }

    private static nint F32<TOp>(bool ftz, bool sat) where TOp : struct, IBinary => (ftz, sat) switch
    {
        (false, false) => Lanes.Of2<TOp>(),
        (true, false) => Lanes.Of2<Ftz2<TOp>>(),
        (false, true) => Lanes.Of2<Sat2<TOp>>(),
        _ => Lanes.Of2<Sat2<Ftz2<TOp>>>(),
    };

    private static nint F32Ternary<TOp>(bool ftz, bool sat) where TOp : struct, ITernary => (ftz, sat) switch
    {
        (false, false) => Lanes.Of3<TOp>(),
        (true, false) => Lanes.Of3<Ftz3<TOp>>(),
        (false, true) => Lanes.Of3<Sat3<TOp>>(),
        _ => Lanes.Of3<Sat3<Ftz3<TOp>>>(),
    };

    private static nint Half<TOp>(PtxType type) where TOp : struct, IHalf2 => type switch
    {
        PtxType.F16 => ScalarLanes.Half2<TOp>(),
        PtxType.F16x2 => ScalarLanes.Half2x2<TOp>(),
        _ => 0,
    };

    private static void Multiply(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        if (type.IsFloat())
        {
            m.Take("rn");
            bool ftz = type == PtxType.F32 && m.Take("ftz"), sat = type == PtxType.F32 && m.Take("sat");
            m.End();
            nint handler = type switch
            {
                PtxType.F32 => F32<MultiplyF32>(ftz, sat),
                PtxType.F64 => ScalarLanes.Double2<MultiplyF64>(),
                _ => Half<MultiplyF16>(type),
            };
            l.Pure(s, ref i, handler, type, type, type);
            return;
        }
        string? part = m.TakeOneOf("lo", "hi", "wide");
        m.End();
        if (!type.IsInteger() || part is null) { throw l.Wrong(s, $"{s.Opcode} needs .lo, .hi or .wide and an integer type"); }
        if (part == "wide") { l.Pure(s, ref i, MultiplyWide.Of2(type), MultiplyWide.ResultOf(l, s, type), type, type); return; }
        l.Pure(s, ref i, (part, type) switch
        {
            ("lo", PtxType.U32 or PtxType.S32) => Lanes.Of2<Multiply32>(),
            ("lo", PtxType.U64 or PtxType.S64) => Lanes.OfWide2<Multiply64>(),
            ("lo", _) => ScalarLanes.Of2<MultiplyLow>(type),
            _ => ScalarLanes.Of2<MultiplyHigh>(type),
        }, type, type, type);
    }

    private static void MultiplyAdd(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        if (type.IsFloat())
        {
            bool isRounded = m.Take("rn"), ftz = type == PtxType.F32 && m.Take("ftz"), sat = type == PtxType.F32 && m.Take("sat");
            m.End();
            if (!isRounded) { throw l.Wrong(s, $"{s.Opcode} needs a rounding, and only .rn is known to the emulator"); }
            l.Pure(s, ref i, type switch
            {
                PtxType.F32 => F32Ternary<FusedMultiplyAddF32>(ftz, sat),
                PtxType.F64 => (nint)(delegate*<Warp, Instruction*, void>)&FusedF64,
                PtxType.F16 => (nint)(delegate*<Warp, Instruction*, void>)&FusedF16,
                PtxType.F16x2 => (nint)(delegate*<Warp, Instruction*, void>)&FusedF16x2,
                _ => 0,
            }, type, type, type, type);
            return;
        }
        string? part = m.TakeOneOf("lo", "hi", "wide");
        m.End();
        if (!type.IsInteger() || part is null || s.Root == "fma") { throw l.Wrong(s, $"{s.Opcode} needs .lo, .hi or .wide and an integer type"); }
        if (part == "wide")
        {
            PtxType wide = MultiplyWide.ResultOf(l, s, type);
            l.Pure(s, ref i, MultiplyWide.Of3(type), wide, type, type, wide);
            return;
        }
        l.Pure(s, ref i, (part, type) switch
        {
            ("lo", PtxType.U32 or PtxType.S32) => Lanes.Of3<MultiplyAdd32>(),
            ("lo", _) => ScalarLanes.Of3<MultiplyAddLow>(type),
            _ => ScalarLanes.Of3<MultiplyAddHigh>(type),
        }, type, type, type, type);
    }

    private static void Sad(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        m.End();
        l.Pure(s, ref i, type.IsInteger() ? ScalarLanes.Of3<SumOfDifferences>(type) : 0, type, type, type, type);
    }

    private static void DivideAny(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        bool ftz = type == PtxType.F32 && m.Take("ftz");
        nint handler = 0;
        if (type == PtxType.F32)
        {
            switch (m.TakeOneOf("rn", "approx", "full"))
            {
                case "rn": handler = F32<DivideF32>(ftz, false); break;
                case "approx": handler = Approximations.Divide(l.Modes, ftz, isFull: false); break;
                case "full": handler = Approximations.Divide(l.Modes, ftz, isFull: true); break;
                default: throw l.Wrong(s, $"{s.Opcode} needs .rn, .approx or .full");
            }
        }
        else if (type == PtxType.F64)
        {
            if (!m.Take("rn")) { throw l.Wrong(s, $"{s.Opcode} needs a rounding, and only .rn is known to the emulator"); }
            handler = ScalarLanes.Double2<DivideF64>();
        }
        else if (type.IsInteger()) { handler = ScalarLanes.Of2<Divide>(type); }
        m.End();
        l.Pure(s, ref i, handler, type, type, type);
    }

    private static void Sign(Lowering l, PtxInstruction s, ref Instruction i, bool isNegation)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        bool ftz = type == PtxType.F32 && m.Take("ftz");
        m.End();
        nint handler = type switch
        {
            PtxType.F32 when ftz => isNegation ? Lanes.Of1<Ftz1<NegateF32>>() : Lanes.Of1<Ftz1<AbsoluteF32>>(),
            PtxType.F32 => isNegation ? Lanes.Of1<NegateF32>() : Lanes.Of1<AbsoluteF32>(),
            PtxType.F64 => isNegation ? ScalarLanes.Of1<NegateF64>(PtxType.U64) : ScalarLanes.Of1<AbsoluteF64>(PtxType.U64),
            PtxType.F16 or PtxType.BF16 => isNegation ? Lanes.Of1<NegateF16>() : Lanes.Of1<AbsoluteF16>(),
            PtxType.F16x2 or PtxType.BF16x2 => isNegation ? Lanes.Of1<NegateF16x2>() : Lanes.Of1<AbsoluteF16x2>(),
            _ when type.IsSigned() => isNegation ? ScalarLanes.Of1<Negate>(type) : ScalarLanes.Of1<Absolute>(type),
            _ => 0,
        };
        l.Pure(s, ref i, handler, type, type);
    }

    private static void FusedF64(Warp w, Instruction* i)
    {
        double* d = (double*)w.Wide(i->Slots[0]), a = (double*)w.Wide(i->Slots[1]), b = (double*)w.Wide(i->Slots[2]), c = (double*)w.Wide(i->Slots[3]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = Doubles.Canonical(Math.FusedMultiplyAdd(a[lane], b[lane], c[lane])); }
    }

    private static uint Fused(uint a, uint b, uint c) => Fp16.Round(Doubles.MultiplyAddToOdd(Fp16.Value(a), Fp16.Value(b), Fp16.Value(c)));

    private static void FusedF16(Warp w, Instruction* i)
    {
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]), c = w.Register(i->Slots[3]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = Fused(a[lane], b[lane], c[lane]); }
    }

    private static void FusedF16x2(Warp w, Instruction* i)
    {
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]), c = w.Register(i->Slots[3]);
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            d[lane] = Fused(a[lane], b[lane], c[lane]) | Fused(a[lane] >> 16, b[lane] >> 16, c[lane] >> 16) << 16;
        }
    }
}
