using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>mul.wide, mad.wide: the whole product. Addresses are made of it, so 32 bits have vectors.</summary>
internal static unsafe class MultiplyWide
{
    internal static PtxType ResultOf(Lowering l, PtxInstruction s, PtxType type) => type switch
    {
        PtxType.U16 => PtxType.U32,
        PtxType.S16 => PtxType.S32,
        PtxType.U32 => PtxType.U64,
        PtxType.S32 => PtxType.S64,
        _ => throw l.Wrong(s, $".wide of {type.Name()} has no type"),
    };

    internal static nint Of2(PtxType type) => type switch
    {
        PtxType.U16 => ScalarLanes.Mixed2<MultiplyLow, U32, U16, U16>(),
        PtxType.S16 => ScalarLanes.Mixed2<MultiplyLow, U32, S16, S16>(),
        PtxType.U32 => (nint)(delegate*<Warp, Instruction*, void>)&Unsigned,
        _ => ScalarLanes.Mixed2<MultiplyLow, U64, S32, S32>(),
    };

    internal static nint Of3(PtxType type) => type switch
    {
        PtxType.U16 => ScalarLanes.Mixed3<MultiplyAddLow, U32, U16, U32>(),
        PtxType.S16 => ScalarLanes.Mixed3<MultiplyAddLow, U32, S16, U32>(),
        PtxType.U32 => (nint)(delegate*<Warp, Instruction*, void>)&UnsignedAdd,
        _ => ScalarLanes.Mixed3<MultiplyAddLow, U64, S32, U64>(),
    };

    private static void Unsigned(Warp w, Instruction* i)
    {
        ulong* d = w.Wide(i->Slots[0]);
        uint* a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]);
        for (int lane = 0; lane < Warp.Lanes; lane += 4) { Product(a + lane, b + lane).Store(d + lane); }
    }

    private static void UnsignedAdd(Warp w, Instruction* i)
    {
        ulong* d = w.Wide(i->Slots[0]), c = w.Wide(i->Slots[3]);
        uint* a = w.Register(i->Slots[1]), b = w.Register(i->Slots[2]);
        for (int lane = 0; lane < Warp.Lanes; lane += 4) { (Product(a + lane, b + lane) + Vector256.Load(c + lane)).Store(d + lane); }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Product(uint* a, uint* b)
    {
        if (Avx2.IsSupported) { return Avx2.Multiply(Avx2.ConvertToVector256Int64(a).AsUInt32(), Avx2.ConvertToVector256Int64(b).AsUInt32()); }
        return Vector256.Create((ulong)a[0] * b[0], (ulong)a[1] * b[1], (ulong)a[2] * b[2], (ulong)a[3] * b[3]);
    }
}
