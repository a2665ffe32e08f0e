using System.Runtime.Intrinsics;
using MiniLM.Cuda.Ptx;
using MiniLM.Weights;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>cvt between all types. The ones kernels live on have vectors; the others go lane by lane through <see cref="ConversionRules"/>.</summary>
internal static unsafe class Conversions
{
    private const int SourceIsWide = 1 << 18, ResultIsWide = 1 << 19, ResultIs16 = 1 << 20, IsIntegerRounding = 1 << 21;

    internal static void Register(Dictionary<string, LowerInstruction> table) => table["cvt"] = Convert;

    private static void Convert(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType from = m.TakeType(), to = m.TakeType();
        string? rounding = m.TakeOneOf("rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi");
        if (to is PtxType.F16x2 or PtxType.BF16x2)
        {
            m.End();
            if (from != PtxType.F32 || rounding != "rn") { throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
            l.Pure(s, ref i, to == PtxType.F16x2 ? Lanes.Of2<PackF16>() : Lanes.Of2<PackBF16>(), PtxType.B32, PtxType.F32, PtxType.F32);
            return;
        }
        bool ftz = (from == PtxType.F32 || to == PtxType.F32) && m.Take("ftz"), sat = m.Take("sat");
        m.End();
        l.Count(s, 2);
        Require(l, s, from, to, rounding);
        i.Kind = InstructionKind.Pure;
        i.Destinations = 1;
        PtxType source = l.TypeOf(s.Operands[1]), result = l.TypeOf(s.Operands[0]);
        bool isSourceWide = source.Bytes() == 8 || source == PtxType.None && from.Bytes() == 8,
            isResultWide = result.Bytes() == 8 || result == PtxType.None && to.Bytes() == 8;
        i.Slots[0] = l.Out(s, s.Operands[0], Bits(to), isRelaxed: true);
        i.Slots[1] = l.In(s, s.Operands[1], Bits(from), isRelaxed: true);
        if (isResultWide) { i.Flags |= InstructionFlags.Wide; }
        i.Choice = (byte)Rounding(rounding);
        i.Auxiliary = (int)to | (int)from << 8 | (ftz ? 1 << 16 : 0) | (sat ? 1 << 17 : 0) | (isSourceWide ? SourceIsWide : 0)
            | (isResultWide ? ResultIsWide : 0) | (result.Bytes() == 2 ? ResultIs16 : 0) | (rounding?.Length == 3 ? IsIntegerRounding : 0);
        bool isPlain = !ftz && !sat && isSourceWide == (from.Bytes() == 8) && isResultWide == (to.Bytes() == 8);
        nint handler = (to, from) switch
        {
            _ when !isPlain => 0,
            (PtxType.F32, PtxType.F16) => Lanes.Of1<WidenF16>(),
            (PtxType.F16, PtxType.F32) when rounding == "rn" => Lanes.Of1<NarrowF16>(),
            (PtxType.BF16, PtxType.F32) when rounding == "rn" => Lanes.Of1<NarrowBF16>(),
            (PtxType.F32, PtxType.S32) when rounding == "rn" => Lanes.Of1<SingleOfInt>(),
            (PtxType.F32, PtxType.U32) when rounding == "rn" => Lanes.Of1<SingleOfUInt>(),
            (PtxType.U16, PtxType.U32) or (PtxType.U32, PtxType.U16) => Lanes.Of1<Low16>(),
            (PtxType.U64 or PtxType.S64, PtxType.U32) => (nint)(delegate*<Warp, Instruction*, void>)&ZeroExtend,
            (PtxType.U64 or PtxType.S64, PtxType.S32) => (nint)(delegate*<Warp, Instruction*, void>)&SignExtend,
            (PtxType.U32 or PtxType.S32, PtxType.U64 or PtxType.S64) => (nint)(delegate*<Warp, Instruction*, void>)&Truncate,
            (PtxType.U32 or PtxType.S32, PtxType.U32 or PtxType.S32) => Lanes.Of1<Copy32>(),
            _ => 0,
        };
        i.Execute = handler != 0 ? (delegate*<Warp, Instruction*, void>)handler : &General;
    }

    /// <summary>What the ISA demands: float to integer an integer rounding, narrowing and integer to float a float rounding, else none.</summary>
    private static void Require(Lowering l, PtxInstruction s, PtxType from, PtxType to, string? rounding)
    {
        bool isKnown = from is >= PtxType.B8 and <= PtxType.F64 && to is >= PtxType.B8 and <= PtxType.F64 && !(to.IsBits() && from.IsFloat())
            && !(from.IsBits() && to.IsFloat())
            && from != PtxType.B128 && to != PtxType.B128;
        // bf16 goes to and from fp32 here; cvt between the 16-bit formats and integers of bf16 are sm_90 and not ours.
        if (from == PtxType.BF16 && to is not (PtxType.F32 or PtxType.BF16) || to == PtxType.BF16 && from is not (PtxType.F32 or PtxType.BF16))
        {
            isKnown = false;
        }
        if (!isKnown) { throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
        bool isIntegerRounding = rounding?.Length == 3;
        bool isNarrowing = from.IsFloat() && to.IsFloat() && to.Bytes() < from.Bytes();
        if (from.IsFloat() && !to.IsFloat() ? !isIntegerRounding : (isNarrowing || !from.IsFloat() && to.IsFloat()) && (rounding is null || isIntegerRounding))
        {
            throw l.Wrong(s, $"{s.Opcode} needs {(to.IsFloat() ? ".rn, .rz, .rm or .rp" : ".rni, .rzi, .rmi or .rpi")}");
        }
        if (rounding is not null && !from.IsFloat() && !to.IsFloat()) { throw l.Wrong(s, $"{s.Opcode}: integers are not rounded"); }
        if (to == PtxType.F64 && rounding is "rz" or "rm" or "rp" && !from.IsFloat() && from.Bytes() == 8)
        {
            throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator");
        }
    }

    private static int Rounding(string? name) => name switch { null or "rn" or "rni" => 0, "rz" or "rzi" => 1, "rm" or "rmi" => 2, _ => 3 };

    /// <summary>cvt takes registers of any kind of the right size: an f16 is in a b16.</summary>
    private static PtxType Bits(PtxType type) => type.Bytes() switch
    {
        1 => PtxType.B8,
        2 => type == PtxType.F16 || type == PtxType.BF16 ? type : PtxType.B16,
        4 => type == PtxType.F32 ? PtxType.F32 : type.IsSigned() ? PtxType.S32 : type.IsBits() ? PtxType.B32 : PtxType.U32,
        _ => type == PtxType.F64 ? PtxType.F64 : PtxType.U64,
    };

    private readonly struct WidenF16 : IUnary { public static Vector256<uint> Apply(Vector256<uint> a) => Single.Canonical(FloatConversion.WidenHalf(a)); }

    private readonly struct NarrowF16 : IUnary { public static Vector256<uint> Apply(Vector256<uint> a) => Fp16.Narrow(a.AsSingle()); }

    private readonly struct NarrowBF16 : IUnary { public static Vector256<uint> Apply(Vector256<uint> a) => Fp16.NarrowBfloat(a.AsSingle()); }

    private readonly struct SingleOfInt : IUnary
    {
        public static Vector256<uint> Apply(Vector256<uint> a) => Vector256.ConvertToSingle(a.AsInt32()).AsUInt32();
    }

    private readonly struct SingleOfUInt : IUnary { public static Vector256<uint> Apply(Vector256<uint> a) => Vector256.ConvertToSingle(a).AsUInt32(); }

    private readonly struct Low16 : IUnary { public static Vector256<uint> Apply(Vector256<uint> a) => a & Vector256.Create(0xffffu); }

    /// <summary>The first operand is the upper half.</summary>
    private readonly struct PackF16 : IBinary
    {
        public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => Fp16.Narrow(a.AsSingle()) << 16 | Fp16.Narrow(b.AsSingle());
    }

    private readonly struct PackBF16 : IBinary
    {
        public static Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b) => Fp16.NarrowBfloat(a.AsSingle()) << 16 | Fp16.NarrowBfloat(b.AsSingle());
    }

    private static void ZeroExtend(Warp w, Instruction* i)
    {
        ulong* d = w.Wide(i->Slots[0]);
        uint* a = w.Register(i->Slots[1]);
        for (int lane = 0; lane < Warp.Lanes; lane += 8)
        {
            (Vector256<ulong> low, Vector256<ulong> high) = Vector256.Widen(Vector256.Load(a + lane));
            low.Store(d + lane);
            high.Store(d + lane + 4);
        }
    }

    private static void SignExtend(Warp w, Instruction* i)
    {
        long* d = (long*)w.Wide(i->Slots[0]);
        int* a = (int*)w.Register(i->Slots[1]);
        for (int lane = 0; lane < Warp.Lanes; lane += 8)
        {
            (Vector256<long> low, Vector256<long> high) = Vector256.Widen(Vector256.Load(a + lane));
            low.Store(d + lane);
            high.Store(d + lane + 4);
        }
    }

    private static void Truncate(Warp w, Instruction* i)
    {
        uint* d = w.Register(i->Slots[0]);
        ulong* a = w.Wide(i->Slots[1]);
        for (int lane = 0; lane < Warp.Lanes; lane += 8) { Vector256.Narrow(Vector256.Load(a + lane), Vector256.Load(a + lane + 4)).Store(d + lane); }
    }

    private static void General(Warp w, Instruction* i)
    {
        var to = (PtxType)(i->Auxiliary & 255);
        var from = (PtxType)(i->Auxiliary >> 8 & 255);
        bool ftz = (i->Auxiliary & 1 << 16) != 0, sat = (i->Auxiliary & 1 << 17) != 0;
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            ulong source = (i->Auxiliary & SourceIsWide) != 0 ? w.Wide(i->Slots[1])[lane] : w.Register(i->Slots[1])[lane];
            ulong result = ConversionRules.Convert(source, from, to, i->Choice, (i->Auxiliary & IsIntegerRounding) != 0, ftz, sat);
            if ((i->Auxiliary & ResultIsWide) != 0) { w.Wide(i->Slots[0])[lane] = result; }
            else { w.Register(i->Slots[0])[lane] = (i->Auxiliary & ResultIs16) != 0 ? (ushort)result : (uint)result; }
        }
    }
}
