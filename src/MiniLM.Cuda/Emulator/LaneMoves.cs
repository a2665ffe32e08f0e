using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MiniLM.Cuda.Emulator;

/// <summary>Data of ld and st between the lanes' pointers and their registers. Elements are 1, 2, 4 or 8 bytes, one, two or four a lane.</summary>
internal static unsafe class LaneMoves
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Load(Warp w, Instruction* i)
    {
        byte** from = w.Pointers;
        if (w.Mask != Warp.Full || i->ElementBytes < 4 || i->ElementBytes == 4 && i->Is(InstructionFlags.Wide)) { LoadByLane(w, i); return; }
        switch (i->ElementBytes * 16 + i->Elements)
        {
            case 0x41:
                {
                    uint* d = w.Register(i->Slots[0]);
                    for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = *(uint*)from[lane]; }
                    return;
                }
            case 0x42:
                {
                    uint* d = w.Register(i->Slots[0]), e = w.Register(i->Slots[1]);
                    for (int lane = 0; lane < Warp.Lanes; lane++)
                    {
                        ulong both = *(ulong*)from[lane];
                        (d[lane], e[lane]) = ((uint)both, (uint)(both >> 32));
                    }
                    return;
                }
            case 0x44 when Avx2.IsSupported: Load4(w, i); return;
            case 0x81:
                {
                    ulong* d = w.Wide(i->Slots[0]);
                    for (int lane = 0; lane < Warp.Lanes; lane++) { d[lane] = *(ulong*)from[lane]; }
                    return;
                }
            default: LoadByLane(w, i); return;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Store(Warp w, Instruction* i)
    {
        byte** to = w.Pointers;
        if (w.Mask != Warp.Full || i->ElementBytes < 4 || i->ElementBytes == 4 && i->Is(InstructionFlags.Wide)) { StoreByLane(w, i); return; }
        switch (i->ElementBytes * 16 + i->Elements)
        {
            case 0x41:
                {
                    uint* d = w.Register(i->Slots[0]);
                    for (int lane = 0; lane < Warp.Lanes; lane++) { *(uint*)to[lane] = d[lane]; }
                    return;
                }
            case 0x42:
                {
                    uint* d = w.Register(i->Slots[0]), e = w.Register(i->Slots[1]);
                    for (int lane = 0; lane < Warp.Lanes; lane++) { *(ulong*)to[lane] = d[lane] | (ulong)e[lane] << 32; }
                    return;
                }
            case 0x44 when Avx2.IsSupported: Store4(w, i); return;
            case 0x81:
                {
                    ulong* d = w.Wide(i->Slots[0]);
                    for (int lane = 0; lane < Warp.Lanes; lane++) { *(ulong*)to[lane] = d[lane]; }
                    return;
                }
            default: StoreByLane(w, i); return;
        }
    }

    /// <summary>8 lanes of 16 bytes are a matrix of 8 rows and 4 columns; registers are its columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Load4(Warp w, Instruction* i)
    {
        uint* x = w.Register(i->Slots[0]), y = w.Register(i->Slots[1]), z = w.Register(i->Slots[2]), u = w.Register(i->Slots[3]);
        for (int lane = 0; lane < Warp.Lanes; lane += 8)
        {
            byte** from = w.Pointers + lane;
            Vector256<uint> a = Vector256.Create(Vector128.Load((uint*)from[0]), Vector128.Load((uint*)from[4]));
            Vector256<uint> b = Vector256.Create(Vector128.Load((uint*)from[1]), Vector128.Load((uint*)from[5]));
            Vector256<uint> c = Vector256.Create(Vector128.Load((uint*)from[2]), Vector128.Load((uint*)from[6]));
            Vector256<uint> d = Vector256.Create(Vector128.Load((uint*)from[3]), Vector128.Load((uint*)from[7]));
            Transpose(ref a, ref b, ref c, ref d);
            a.Store(x + lane);
            b.Store(y + lane);
            c.Store(z + lane);
            d.Store(u + lane);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Store4(Warp w, Instruction* i)
    {
        uint* x = w.Register(i->Slots[0]), y = w.Register(i->Slots[1]), z = w.Register(i->Slots[2]), u = w.Register(i->Slots[3]);
        for (int lane = 0; lane < Warp.Lanes; lane += 8)
        {
            byte** to = w.Pointers + lane;
            Vector256<uint> a = Vector256.Load(x + lane), b = Vector256.Load(y + lane), c = Vector256.Load(z + lane), d = Vector256.Load(u + lane);
            Transpose(ref a, ref b, ref c, ref d);
            a.GetLower().Store((uint*)to[0]);
            b.GetLower().Store((uint*)to[1]);
            c.GetLower().Store((uint*)to[2]);
            d.GetLower().Store((uint*)to[3]);
            a.GetUpper().Store((uint*)to[4]);
            b.GetUpper().Store((uint*)to[5]);
            c.GetUpper().Store((uint*)to[6]);
            d.GetUpper().Store((uint*)to[7]);
        }
    }

    /// <summary>4x4 in each half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(ref Vector256<uint> a, ref Vector256<uint> b, ref Vector256<uint> c, ref Vector256<uint> d)
    {
        Vector256<ulong> ab = Avx2.UnpackLow(a, b).AsUInt64(), ab2 = Avx2.UnpackHigh(a, b).AsUInt64(), cd = Avx2.UnpackLow(c, d).AsUInt64(),
            cd2 = Avx2.UnpackHigh(c, d).AsUInt64();
        a = Avx2.UnpackLow(ab, cd).AsUInt32();
        b = Avx2.UnpackHigh(ab, cd).AsUInt32();
        c = Avx2.UnpackLow(ab2, cd2).AsUInt32();
        d = Avx2.UnpackHigh(ab2, cd2).AsUInt32();
    }

    private static ulong Read(byte* from, int bytes) => bytes switch { 1 => *from, 2 => *(ushort*)from, 4 => *(uint*)from, _ => *(ulong*)from };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void LoadByLane(Warp w, Instruction* i)
    {
        bool isWide = i->Is(InstructionFlags.Wide), isSigned = i->Is(InstructionFlags.Signed);
        int bytes = i->ElementBytes;
        for (int k = 0; k < i->Elements; k++)
        {
            ushort slot = i->Slots[k];
            for (uint rest = w.Mask; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                ulong value = Read(w.Pointers[lane] + k * bytes, bytes);
                if (isSigned) { value = (ulong)((long)(value << 64 - 8 * bytes) >> 64 - 8 * bytes); }
                if (isWide) { w.Wide(slot)[lane] = value; } else { w.Register(slot)[lane] = i->Choice == 2 ? (ushort)value : (uint)value; }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StoreByLane(Warp w, Instruction* i)
    {
        int bytes = i->ElementBytes;
        for (uint rest = w.Mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            for (int k = 0; k < i->Elements; k++)
            {
                byte* to = w.Pointers[lane] + k * bytes;
                ulong value = Value(w, i, k, lane);
                switch (bytes)
                {
                    case 1: *to = (byte)value; break;
                    case 2: *(ushort*)to = (ushort)value; break;
                    case 4: *(uint*)to = (uint)value; break;
                    default: *(ulong*)to = value; break;
                }
            }
        }
    }

    private static ulong Value(Warp w, Instruction* i, int element, int lane) =>
        i->Is(InstructionFlags.Wide) ? w.Wide(i->Slots[element])[lane] : w.Register(i->Slots[element])[lane];

    /// <summary>Lanes whose data is not in memory after all have stored: another lane's other value is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static uint LostStores(Warp w, Instruction* i)
    {
        uint lost = 0;
        int bytes = i->ElementBytes;
        ulong all = bytes == 8 ? ulong.MaxValue : (1UL << 8 * bytes) - 1;
        for (uint rest = w.Mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            for (int k = 0; k < i->Elements; k++)
            {
                if (Read(w.Pointers[lane] + k * bytes, bytes) != (Value(w, i, k, lane) & all)) { lost |= 1u << lane; }
            }
        }
        return lost;
    }
}
