using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator;

/// <summary>An operation on integers of any width; operands come extended to 64 bits, of the result the low bits count.</summary>
internal interface IInteger1
{
    static abstract ulong Apply<T>(ulong a) where T : struct, IElement;
}

internal interface IInteger2
{
    static abstract ulong Apply<T>(ulong a, ulong b) where T : struct, IElement;
}

internal interface IInteger3
{
    static abstract ulong Apply<T>(ulong a, ulong b, ulong c) where T : struct, IElement;
}

internal interface IDouble2
{
    static abstract double Apply(double a, double b);
}

/// <summary>An operation on fp16 through fp32: with 24 bits for operands of 11, rounding twice is rounding once for + - * / and the square root.</summary>
internal interface IHalf2
{
    static abstract float Apply(float a, float b);
}

/// <summary>Handlers lane by lane, for what is rare. Slots: result, operands.</summary>
internal static unsafe class ScalarLanes
{
    internal static nint Of1<TOp>(PtxType type) where TOp : struct, IInteger1 => type switch
    {
        PtxType.U16 or PtxType.B16 => (nint)(delegate*<Warp, Instruction*, void>)&Run1<TOp, U16>,
        PtxType.S16 => (nint)(delegate*<Warp, Instruction*, void>)&Run1<TOp, S16>,
        PtxType.U32 or PtxType.B32 => (nint)(delegate*<Warp, Instruction*, void>)&Run1<TOp, U32>,
        PtxType.S32 => (nint)(delegate*<Warp, Instruction*, void>)&Run1<TOp, S32>,
        PtxType.U64 or PtxType.B64 => (nint)(delegate*<Warp, Instruction*, void>)&Run1<TOp, U64>,
        PtxType.S64 => (nint)(delegate*<Warp, Instruction*, void>)&Run1<TOp, S64>,
        _ => 0,
    };

    internal static nint Of2<TOp>(PtxType type) where TOp : struct, IInteger2 => type switch
    {
        PtxType.U16 or PtxType.B16 => (nint)(delegate*<Warp, Instruction*, void>)&Run2<TOp, U16>,
        PtxType.S16 => (nint)(delegate*<Warp, Instruction*, void>)&Run2<TOp, S16>,
        PtxType.U32 or PtxType.B32 => (nint)(delegate*<Warp, Instruction*, void>)&Run2<TOp, U32>,
        PtxType.S32 => (nint)(delegate*<Warp, Instruction*, void>)&Run2<TOp, S32>,
        PtxType.U64 or PtxType.B64 => (nint)(delegate*<Warp, Instruction*, void>)&Run2<TOp, U64>,
        PtxType.S64 => (nint)(delegate*<Warp, Instruction*, void>)&Run2<TOp, S64>,
        _ => 0,
    };

    internal static nint Of3<TOp>(PtxType type) where TOp : struct, IInteger3 => type switch
    {
        PtxType.U16 or PtxType.B16 => (nint)(delegate*<Warp, Instruction*, void>)&Run3<TOp, U16>,
        PtxType.S16 => (nint)(delegate*<Warp, Instruction*, void>)&Run3<TOp, S16>,
        PtxType.U32 or PtxType.B32 => (nint)(delegate*<Warp, Instruction*, void>)&Run3<TOp, U32>,
        PtxType.S32 => (nint)(delegate*<Warp, Instruction*, void>)&Run3<TOp, S32>,
        PtxType.U64 or PtxType.B64 => (nint)(delegate*<Warp, Instruction*, void>)&Run3<TOp, U64>,
        PtxType.S64 => (nint)(delegate*<Warp, Instruction*, void>)&Run3<TOp, S64>,
        _ => 0,
    };

    /// <summary>Value of 64 bits, amount of 32: shifts. A result of 32 bits from one of 64: counts.</summary>
    internal static nint Mixed2<TOp, TD, TA, TB>()
        where TOp : struct, IInteger2 where TD : struct, IElement where TA : struct, IElement where TB : struct, IElement =>
        (nint)(delegate*<Warp, Instruction*, void>)&RunMixed2<TOp, TD, TA, TB>;

    internal static nint Mixed3<TOp, TD, TA, TC>()
        where TOp : struct, IInteger3 where TD : struct, IElement where TA : struct, IElement where TC : struct, IElement =>
        (nint)(delegate*<Warp, Instruction*, void>)&RunMixed3<TOp, TD, TA, TC>;

    internal static nint Double2<TOp>() where TOp : struct, IDouble2 => (nint)(delegate*<Warp, Instruction*, void>)&RunDouble2<TOp>;

    internal static nint Half2<TOp>() where TOp : struct, IHalf2 => (nint)(delegate*<Warp, Instruction*, void>)&RunHalf2<TOp>;

    internal static nint Half2x2<TOp>() where TOp : struct, IHalf2 => (nint)(delegate*<Warp, Instruction*, void>)&RunHalf2x2<TOp>;

    private static void Run1<TOp, T>(Warp w, Instruction* i) where TOp : struct, IInteger1 where T : struct, IElement
    {
        byte* d = (byte*)w.Register(i->Slots[0]), a = (byte*)w.Register(i->Slots[1]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { T.Store(d, lane, TOp.Apply<T>(T.Load(a, lane))); }
    }

    private static void Run2<TOp, T>(Warp w, Instruction* i) where TOp : struct, IInteger2 where T : struct, IElement => RunMixed2<TOp, T, T, T>(w, i);

    private static void Run3<TOp, T>(Warp w, Instruction* i) where TOp : struct, IInteger3 where T : struct, IElement => RunMixed3<TOp, T, T, T>(w, i);

    private static void RunMixed2<TOp, TD, TA, TB>(Warp w, Instruction* i)
        where TOp : struct, IInteger2 where TD : struct, IElement where TA : struct, IElement where TB : struct, IElement
    {
        byte* d = (byte*)w.Register(i->Slots[0]), a = (byte*)w.Register(i->Slots[1]), b = (byte*)w.Register(i->Slots[2]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { TD.Store(d, lane, TOp.Apply<TA>(TA.Load(a, lane), TB.Load(b, lane))); }
    }

    /// <summary>Two operands of one type, the third and the result of others: mad.wide, shf.</summary>
    private static void RunMixed3<TOp, TD, TA, TC>(Warp w, Instruction* i)
        where TOp : struct, IInteger3 where TD : struct, IElement where TA : struct, IElement where TC : struct, IElement
    {
        byte* d = (byte*)w.Register(i->Slots[0]), a = (byte*)w.Register(i->Slots[1]), b = (byte*)w.Register(i->Slots[2]), c = (byte*)w.Register(i->Slots[3]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { TD.Store(d, lane, TOp.Apply<TA>(TA.Load(a, lane), TA.Load(b, lane), TC.Load(c, lane))); }
    }

    private static void RunDouble2<TOp>(Warp w, Instruction* i) where TOp : struct, IDouble2
    {
        double* d = (double*)w.Wide(i->Slots[0]), a = (double*)w.Wide(i->Slots[1]), b = (double*)w.Wide(i->Slots[2]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = TOp.Apply(a[lane], b[lane]); }
    }

    private static void RunHalf2<TOp>(Warp w, Instruction* i) where TOp : struct, IHalf2
    {
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]);
        for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = Fp16.Round(TOp.Apply(Fp16.Value(a[lane]), Fp16.Value(b[lane]))); }
    }

    private static void RunHalf2x2<TOp>(Warp w, Instruction* i) where TOp : struct, IHalf2
    {
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]);
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            uint low = Fp16.Round(TOp.Apply(Fp16.Value(a[lane]), Fp16.Value(b[lane])));
            d[lane] = low | Fp16.Round(TOp.Apply(Fp16.Value(a[lane] >> 16), Fp16.Value(b[lane] >> 16))) << 16;
        }
    }
}
