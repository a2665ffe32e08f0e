using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MiniLM.Weights;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>mma in fp32: c, then one fused multiply-add for each k, rising. A row of D is 8 lanes of a vector.</summary>
internal static unsafe class MmaFused
{
    internal static void K16(Warp w, Instruction* i)
    {
        Mma.RequireWarp(w);
        (nint a, nint b) = Fragments(w, i);
        Rows((float*)a, (float*)b, 16, w.Register(i->Slots[12]), w.Register(i->Slots[13]), w.Register(i->Slots[0]), w.Register(i->Slots[1]));
        Rows((float*)a + 8 * 16, (float*)b, 16, w.Register(i->Slots[14]), w.Register(i->Slots[15]), w.Register(i->Slots[2]), w.Register(i->Slots[3]));
    }

    internal static void K8(Warp w, Instruction* i)
    {
        Mma.RequireWarp(w);
        (nint a, nint b) = Fragments(w, i);
        Rows((float*)a, (float*)b, 8, w.Register(i->Slots[12]), w.Register(i->Slots[13]), w.Register(i->Slots[0]), w.Register(i->Slots[1]));
        Rows((float*)a + 8 * 16, (float*)b, 8, w.Register(i->Slots[14]), w.Register(i->Slots[15]), w.Register(i->Slots[2]), w.Register(i->Slots[3]));
    }

    /// <summary>Operands as floats: A [row][k] with 16 a row, B [k][column] with the columns in the order 0, 2, 4, 6, 1, 3, 5, 7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static (nint A, nint B) Fragments(Warp w, Instruction* i)
    {
        float* a = w.Fragments + (i->Auxiliary & 255) * Mma.AFloats;
        float* b = w.Fragments + Mma.AFragments * Mma.AFloats + (i->Auxiliary >> 8) * Mma.BFloats;
        bool isBfloat = i->Target != 0;
        if ((i->Choice & Mma.ConvertA) != 0)
        {
            for (int r = 0; r < i->Elements; r++)
            {
                ushort* from = (ushort*)w.Register(i->Slots[4 + r]);
                float* to = a + 8 * 16 * (r & 1) + 8 * (r >> 1);
                for (int row = 0; row < 8; row++) { Widen(from + 8 * row, isBfloat).Store(to + 16 * row); }
            }
        }
        if ((i->Choice & Mma.ConvertB) != 0)
        {
            ushort* turned = stackalloc ushort[64];
            byte** columns = stackalloc byte*[8];
            for (int r = 0; r < i->Elements >> 1; r++)
            {
                byte* from = (byte*)w.Register(i->Slots[8 + r]);
                for (int k = 0; k < 4; k++)
                {
                    columns[k] = from + 32 * k;
                    columns[k + 4] = from + 32 * k + 16;
                }
                LoadMatrix.Matrix(columns, (byte*)turned, isTransposed: true);
                for (int k = 0; k < 8; k++) { Widen(turned + 8 * k, isBfloat).Store(b + 64 * r + 8 * k); }
            }
        }
        return ((nint)a, (nint)b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Widen(ushort* from, bool isBfloat)
    {
        Vector256<uint> bits = Vector256.WidenLower(Vector128.Load(from).ToVector256Unsafe());
        return isBfloat ? (bits << 16).AsSingle() : FloatConversion.WidenHalf(bits);
    }

    /// <summary>8 rows. c0 has the even columns of each row, c1 the odd ones: 4 lanes each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows(float* a, float* b, int depth, uint* c0, uint* c1, uint* d0, uint* d1)
    {
        Vector256<float> s0 = Row(c0, c1, 0), s1 = Row(c0, c1, 4), s2 = Row(c0, c1, 8), s3 = Row(c0, c1, 12);
        Vector256<float> s4 = Row(c0, c1, 16), s5 = Row(c0, c1, 20), s6 = Row(c0, c1, 24), s7 = Row(c0, c1, 28);
        for (int k = 0; k < depth; k++)
        {
            Vector256<float> column = Vector256.Load(b + 8 * k);
            s0 = Vector256.FusedMultiplyAdd(Vector256.Create(a[k]), column, s0);
            s1 = Vector256.FusedMultiplyAdd(Vector256.Create(a[16 + k]), column, s1);
            s2 = Vector256.FusedMultiplyAdd(Vector256.Create(a[32 + k]), column, s2);
            s3 = Vector256.FusedMultiplyAdd(Vector256.Create(a[48 + k]), column, s3);
            s4 = Vector256.FusedMultiplyAdd(Vector256.Create(a[64 + k]), column, s4);
            s5 = Vector256.FusedMultiplyAdd(Vector256.Create(a[80 + k]), column, s5);
            s6 = Vector256.FusedMultiplyAdd(Vector256.Create(a[96 + k]), column, s6);
            s7 = Vector256.FusedMultiplyAdd(Vector256.Create(a[112 + k]), column, s7);
        }
        Write(s0, d0, d1, 0);
        Write(s1, d0, d1, 4);
        Write(s2, d0, d1, 8);
        Write(s3, d0, d1, 12);
        Write(s4, d0, d1, 16);
        Write(s5, d0, d1, 20);
        Write(s6, d0, d1, 24);
        Write(s7, d0, d1, 28);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Row(uint* c0, uint* c1, int lane) => Vector256.Create(Vector128.Load(c0 + lane), Vector128.Load(c1 + lane)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(Vector256<float> row, uint* d0, uint* d1, int lane)
    {
        Vector256<uint> bits = Single.Canonical(row);
        bits.GetLower().Store(d0 + lane);
        bits.GetUpper().Store(d1 + lane);
    }
}
