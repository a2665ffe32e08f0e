using System.Runtime.Intrinsics;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>rcp, sqrt, rsqrt, ex2, lg2, sin, cos, tanh and the approximate div. Without jitter each gives the correctly rounded value.</summary>
/// <remarks>With jitter the error is a hash of the seed and of the operand's bits, anywhere up to the bound of the ISA: the same operand always gives
/// the same result, as on hardware, so batch invariance must hold in this mode too.</remarks>
internal static unsafe class Approximations
{
    internal static void Register(Dictionary<string, LowerInstruction> table)
    {
        table["rcp"] = (Lowering l, PtxInstruction s, ref Instruction i) => Rounded<Reciprocal>(l, s, ref i, &ReciprocalF64);
        table["sqrt"] = (Lowering l, PtxInstruction s, ref Instruction i) => Rounded<SquareRoot>(l, s, ref i, &SquareRootF64);
        table["rsqrt"] = (Lowering l, PtxInstruction s, ref Instruction i) => Lower<ReciprocalSquareRoot>(l, s, ref i, &ReciprocalSquareRootF64);
        table["ex2"] = (Lowering l, PtxInstruction s, ref Instruction i) => Lower<ExponentialBase2>(l, s, ref i, null);
        table["lg2"] = (Lowering l, PtxInstruction s, ref Instruction i) => Lower<LogarithmBase2>(l, s, ref i, null);
        table["sin"] = (Lowering l, PtxInstruction s, ref Instruction i) => Lower<Sine>(l, s, ref i, null);
        table["cos"] = (Lowering l, PtxInstruction s, ref Instruction i) => Lower<Cosine>(l, s, ref i, null);
        table["tanh"] = (Lowering l, PtxInstruction s, ref Instruction i) => Lower<HyperbolicTangent>(l, s, ref i, null);
    }

    /// <summary>div.approx and div.full: at most 2 ulp.</summary>
    internal static nint Divide(Modes modes, bool ftz, bool isFull) => (modes.JitterSeed != 0, ftz, isFull) switch
    {
        (false, false, true) => Lanes.Of2<DivideF32>(),
        (false, true, true) => Lanes.Of2<Ftz2<DivideF32>>(),
        (_, _, true) => (nint)(delegate*<Warp, Instruction*, void>)&DivideFullJittered,
        _ => (nint)(delegate*<Warp, Instruction*, void>)&DivideApproximate,
    };

    /// <summary>rcp and sqrt: .rn is exact, .approx is an approximation.</summary>
    private static void Rounded<TOp>(Lowering l, PtxInstruction s, ref Instruction i, delegate*<Warp, Instruction*, void> wide)
        where TOp : struct, IApproximation
    {
        if (!s.Has("rn")) { Lower<TOp>(l, s, ref i, wide); return; }
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        m.Take("rn");
        bool ftz = type == PtxType.F32 && m.Take("ftz");
        m.End();
        nint handler = type switch { PtxType.F32 => Exact<TOp>(ftz), PtxType.F64 => (nint)wide, _ => 0 };
        l.Pure(s, ref i, handler, type, type);
    }

    private static void Lower<TOp>(Lowering l, PtxInstruction s, ref Instruction i, delegate*<Warp, Instruction*, void> wide) where TOp : struct, IApproximation
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        if (!m.Take("approx")) { throw l.Wrong(s, $"{s.Opcode} needs .approx"); }
        bool ftz = type is PtxType.F32 or PtxType.F64 && m.Take("ftz");
        m.End();
        bool isHalf = s.Root is "ex2" or "tanh";
        nint handler = type switch
        {
            PtxType.F32 when l.Modes.JitterSeed == 0 => Exact<TOp>(ftz),
            PtxType.F32 => ftz
                ? (nint)(delegate*<Warp, Instruction*, void>)&Jittered<TOp, True>
                : (nint)(delegate*<Warp, Instruction*, void>)&Jittered<TOp, False>,
            PtxType.F64 => (nint)wide,
            PtxType.F16 when isHalf => (nint)(delegate*<Warp, Instruction*, void>)&Half<TOp>,
            PtxType.F16x2 when isHalf => (nint)(delegate*<Warp, Instruction*, void>)&HalfPair<TOp>,
            _ => 0,
        };
        l.Pure(s, ref i, handler, type, type);
    }

    private static nint Exact<TOp>(bool ftz) where TOp : struct, IApproximation => ftz ? Lanes.Of1<Ftz1<RoundedF32<TOp>>>() : Lanes.Of1<RoundedF32<TOp>>();

    private readonly struct RoundedF32<TOp> : IUnary where TOp : struct, IApproximation
    {
        public static Vector256<uint> Apply(Vector256<uint> a) => Single.Canonical(TOp.Rounded(a.AsSingle()));
    }

    private interface IFlag
    {
        static abstract bool On { get; }
    }

    private readonly struct True : IFlag { public static bool On => true; }

    private readonly struct False : IFlag { public static bool On => false; }

    private static void Jittered<TOp, TFtz>(Warp w, Instruction* i) where TOp : struct, IApproximation where TFtz : struct, IFlag
    {
        float* d = (float*)w.Register(i->Slots[0]), a = (float*)w.Register(i->Slots[1]);
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            float x = TFtz.On ? Single.Flush(a[lane]) : a[lane];
            double y = TOp.Exact(x);
            // The special values of the ISA's tables are exact.
            float result = x == 0 || !float.IsFinite(x) || !float.IsFinite((float)y)
                ? (float)y
                : Jitter(w.Block.JitterSeed, BitConverter.SingleToUInt32Bits(x), 0, y, TOp.MaxError(x, y));
            if (typeof(TOp) == typeof(HyperbolicTangent)) { result = Math.Clamp(result, -1, 1); }
            d[lane] = Canonical(TFtz.On ? Single.Flush(result) : result);
        }
    }

    /// <summary>y with an error of at most a bound, the rounding to fp32 included; a result does not change its sign.</summary>
    internal static float Jitter(uint seed, uint a, uint b, double y, double maxError)
    {
        double room = Math.Max(0, maxError - Ulp.Of(y == 0 ? 1e-45 : y) / 2);
        float result = (float)(y + Hash(seed, a, b) * room);
        // At the end of a binade the rounding may be coarser than half an ulp of y, and past the largest number it is infinite.
        if (Math.Abs(result - y) > maxError) { result = (float)y; }
        return y > 0 && result < 0 || y < 0 && result > 0 ? 0 : result;
    }

    /// <summary>A number in [-1, 1] from three words (the finaliser of SplitMix64).</summary>
    private static double Hash(uint seed, uint a, uint b)
    {
        ulong x = ((ulong)a << 32 | b) + seed * 0x9E3779B97F4A7C15;
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
        x = (x ^ x >> 27) * 0x94D049BB133111EB;
        x ^= x >> 31;
        return (long)x / 9223372036854775808.0;
    }

    private static float Canonical(float value) => float.IsNaN(value) ? BitConverter.UInt32BitsToSingle(Single.NaN) : value;

    private static void DivideApproximate(Warp w, Instruction* i)
    {
        bool ftz = w.Block.Program.Kernel.Instructions[w.Pc].Has("ftz");
        float* d = (float*)w.Register(i->Slots[0]), pa = (float*)w.Register(i->Slots[1]), pb = (float*)w.Register(i->Slots[2]);
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            float a = ftz ? Single.Flush(pa[lane]) : pa[lane], b = ftz ? Single.Flush(pb[lane]) : pb[lane];
            float result = Quotient(w, a, b);
            // The ISA: for a divisor beyond 2^126 the reciprocal underflows.
            if (float.IsFinite(b) && Math.Abs(b) > 8.507059e37f)
            {
                result = float.IsInfinity(a) || float.IsNaN(a) ? float.NaN : float.CopySign(0, float.IsNegative(a) == float.IsNegative(b) ? 1 : -1);
            }
            d[lane] = Canonical(ftz ? Single.Flush(result) : result);
        }
    }

    private static void DivideFullJittered(Warp w, Instruction* i)
    {
        bool ftz = w.Block.Program.Kernel.Instructions[w.Pc].Has("ftz");
        float* d = (float*)w.Register(i->Slots[0]), pa = (float*)w.Register(i->Slots[1]), pb = (float*)w.Register(i->Slots[2]);
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            float result = Quotient(w, ftz ? Single.Flush(pa[lane]) : pa[lane], ftz ? Single.Flush(pb[lane]) : pb[lane]);
            d[lane] = Canonical(ftz ? Single.Flush(result) : result);
        }
    }

    private static float Quotient(Warp w, float a, float b)
    {
        float result = a / b;
        if (w.Block.JitterSeed == 0 || a == 0 || !float.IsFinite(b) || !float.IsFinite(result)) { return result; }
        double y = (double)a / b;
        return Jitter(w.Block.JitterSeed, BitConverter.SingleToUInt32Bits(a), BitConverter.SingleToUInt32Bits(b), y, 2 * Ulp.Of(y));
    }

    private static void ReciprocalF64(Warp w, Instruction* i)
    {
        double* d = (double*)w.Wide(i->Slots[0]), a = (double*)w.Wide(i->Slots[1]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = Doubles.Canonical(1 / a[lane]); }
    }

    private static void SquareRootF64(Warp w, Instruction* i)
    {
        double* d = (double*)w.Wide(i->Slots[0]), a = (double*)w.Wide(i->Slots[1]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = Doubles.Canonical(Math.Sqrt(a[lane])); }
    }

    private static void ReciprocalSquareRootF64(Warp w, Instruction* i)
    {
        double* d = (double*)w.Wide(i->Slots[0]), a = (double*)w.Wide(i->Slots[1]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = Doubles.Canonical(1 / Math.Sqrt(a[lane])); }
    }

    private static void Half<TOp>(Warp w, Instruction* i) where TOp : struct, IApproximation
    {
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = Fp16.Round(TOp.Exact(Fp16.Value(a[lane]))); }
    }

    private static void HalfPair<TOp>(Warp w, Instruction* i) where TOp : struct, IApproximation
    {
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]);
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            d[lane] = Fp16.Round(TOp.Exact(Fp16.Value(a[lane]))) | Fp16.Round(TOp.Exact(Fp16.Value(a[lane] >> 16))) << 16;
        }
    }
}
