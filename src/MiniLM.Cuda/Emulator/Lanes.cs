using System.Runtime.Intrinsics;

namespace MiniLM.Cuda.Emulator;

internal interface IUnary
{
    static abstract Vector256<uint> Apply(Vector256<uint> a);
}

internal interface IBinary
{
    static abstract Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b);
}

internal interface ITernary
{
    static abstract Vector256<uint> Apply(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c);
}

internal interface IWideBinary
{
    static abstract Vector256<ulong> Apply(Vector256<ulong> a, Vector256<ulong> b);
}

/// <summary>Handlers of instructions that do the same in each lane: 4 vectors of 8 lanes, or of 4 lanes of 64 bits. Slots: result, operands.</summary>
internal static unsafe class Lanes
{
    internal static nint Of1<TOp>() where TOp : struct, IUnary => (nint)(delegate*<Warp, Instruction*, void>)&Run1<TOp>;

    internal static nint Of2<TOp>() where TOp : struct, IBinary => (nint)(delegate*<Warp, Instruction*, void>)&Run2<TOp>;

    internal static nint Of3<TOp>() where TOp : struct, ITernary => (nint)(delegate*<Warp, Instruction*, void>)&Run3<TOp>;

    internal static nint OfWide2<TOp>() where TOp : struct, IWideBinary => (nint)(delegate*<Warp, Instruction*, void>)&RunWide2<TOp>;

    private static void Run1<TOp>(Warp w, Instruction* i) where TOp : struct, IUnary
    {
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]);
        TOp.Apply(Vector256.Load(a)).Store(d);
        TOp.Apply(Vector256.Load(a + 8)).Store(d + 8);
        TOp.Apply(Vector256.Load(a + 16)).Store(d + 16);
        TOp.Apply(Vector256.Load(a + 24)).Store(d + 24);
    }

    private static void Run2<TOp>(Warp w, Instruction* i) where TOp : struct, IBinary
    {
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]);
        TOp.Apply(Vector256.Load(a), Vector256.Load(b)).Store(d);
        TOp.Apply(Vector256.Load(a + 8), Vector256.Load(b + 8)).Store(d + 8);
        TOp.Apply(Vector256.Load(a + 16), Vector256.Load(b + 16)).Store(d + 16);
        TOp.Apply(Vector256.Load(a + 24), Vector256.Load(b + 24)).Store(d + 24);
    }

    private static void Run3<TOp>(Warp w, Instruction* i) where TOp : struct, ITernary
    {
        uint* d = w.Register(i->Slots[0]), a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]), c = w.Register(i->Slots[3]);
        TOp.Apply(Vector256.Load(a), Vector256.Load(b), Vector256.Load(c)).Store(d);
        TOp.Apply(Vector256.Load(a + 8), Vector256.Load(b + 8), Vector256.Load(c + 8)).Store(d + 8);
        TOp.Apply(Vector256.Load(a + 16), Vector256.Load(b + 16), Vector256.Load(c + 16)).Store(d + 16);
        TOp.Apply(Vector256.Load(a + 24), Vector256.Load(b + 24), Vector256.Load(c + 24)).Store(d + 24);
    }

    private static void RunWide2<TOp>(Warp w, Instruction* i) where TOp : struct, IWideBinary
    {
        ulong* d = w.Wide(i->Slots[0]), a = w.Wide(i->Slots[1]), b = w.Wide(i->Slots[2]);
        for (int lane = 0; lane < Warp.Lanes; lane += 8)
        {
            TOp.Apply(Vector256.Load(a + lane), Vector256.Load(b + lane)).Store(d + lane);
            TOp.Apply(Vector256.Load(a + lane + 4), Vector256.Load(b + lane + 4)).Store(d + lane + 4);
        }
    }
}

/// <summary>Values of an integer type in a register: 8- and 16-bit values fill a 32-bit place with zeros above.</summary>
internal unsafe interface IElement
{
    static abstract int Bits { get; }

    static abstract bool IsSigned { get; }

    /// <summary>Sign- or zero-extended to 64 bits.</summary>
    static abstract ulong Load(byte* register, int lane);

    static abstract void Store(byte* register, int lane, ulong value);
}

internal readonly unsafe struct U16 : IElement
{
    public static int Bits => 16;
    public static bool IsSigned => false;
    public static ulong Load(byte* register, int lane) => (ushort)((uint*)register)[lane];
    public static void Store(byte* register, int lane, ulong value) => ((uint*)register)[lane] = (ushort)value;
}

internal readonly unsafe struct S16 : IElement
{
    public static int Bits => 16;
    public static bool IsSigned => true;
    public static ulong Load(byte* register, int lane) => (ulong)(long)(short)((uint*)register)[lane];
    public static void Store(byte* register, int lane, ulong value) => ((uint*)register)[lane] = (ushort)value;
}

internal readonly unsafe struct U32 : IElement
{
    public static int Bits => 32;
    public static bool IsSigned => false;
    public static ulong Load(byte* register, int lane) => ((uint*)register)[lane];
    public static void Store(byte* register, int lane, ulong value) => ((uint*)register)[lane] = (uint)value;
}

internal readonly unsafe struct S32 : IElement
{
    public static int Bits => 32;
    public static bool IsSigned => true;
    public static ulong Load(byte* register, int lane) => (ulong)(long)((int*)register)[lane];
    public static void Store(byte* register, int lane, ulong value) => ((uint*)register)[lane] = (uint)value;
}

internal readonly unsafe struct U64 : IElement
{
    public static int Bits => 64;
    public static bool IsSigned => false;
    public static ulong Load(byte* register, int lane) => ((ulong*)register)[lane];
    public static void Store(byte* register, int lane, ulong value) => ((ulong*)register)[lane] = value;
}

internal readonly unsafe struct S64 : IElement
{
    public static int Bits => 64;
    public static bool IsSigned => true;
    public static ulong Load(byte* register, int lane) => ((ulong*)register)[lane];
    public static void Store(byte* register, int lane, ulong value) => ((ulong*)register)[lane] = value;
}
