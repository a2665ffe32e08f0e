using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using MiniLM.Cuda.Ptx;

namespace MiniLM.Cuda.Emulator.Instructions;

/// <summary>Decodes ldmatrix: 8x8 matrices of 16-bit elements, one, two or four.</summary>
internal static unsafe class LoadMatrix
{
    internal static void Register(Dictionary<string, LowerInstruction> table) => table["ldmatrix"] = Lower;

    private static void Lower(Lowering l, PtxInstruction s, ref Instruction i)
    {
        var m = new Modifiers(l, s);
        PtxType type = m.TakeType();
        bool isKnown = m.Take("sync") & m.Take("aligned") & m.Take("m8n8") & (m.Take("shared") || m.Take("shared::cta")) & type == PtxType.B16;
        int matrices = m.TakeOneOf("x1", "x2", "x4") switch { "x1" => 1, "x2" => 2, "x4" => 4, _ => 0 };
        bool isTransposed = m.Take("trans");
        m.End();
        if (!isKnown || matrices == 0) { throw l.Wrong(s, $"instruction {s.Opcode} is not known to the emulator"); }
        l.Count(s, 2);
        PtxOperand[] parts = l.Vector(s, s.Operands[0], matrices);
        for (int k = 0; k < matrices; k++) { i.Slots[k] = l.Out(s, parts[k], PtxType.B32); }
        LoadsAndStores.Address(l, s, ref i, s.Operands[1], PtxSpace.Shared);
        (i.ElementBytes, i.Elements, i.Choice) = (16, (byte)matrices, isTransposed ? (byte)1 : (byte)0);
        i.Kind = InstructionKind.Warp;
        i.Execute = (delegate*<Warp, Instruction*, void>)l.Modes.LoadMatrix;
    }

    /// <summary>A register of 32 lanes is an 8x8 matrix of 16-bit elements, row after row: lane l has row l / 4, columns 2 (l % 4) and the next.
    /// So a matrix is 8 copies of 16 bytes.</summary>
    internal static void Matrix(byte** rows, byte* d, bool isTransposed)
    {
        if (!isTransposed)
        {
            for (int row = 0; row < 8; row++) { Vector128.Load(rows[row]).Store(d + 16 * row); }
            return;
        }
        ushort* to = (ushort*)d;
        if (!Sse2.IsSupported)
        {
            for (int row = 0; row < 8; row++) { for (int column = 0; column < 8; column++) { to[8 * column + row] = ((ushort*)rows[row])[column]; } }
            return;
        }
        Transpose8x8(rows, to);
    }

    /// <summary>Three rounds of interleaving: 16, 32, 64 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Transpose8x8(byte** rows, ushort* to)
    {
        Vector128<ushort> r0 = Vector128.Load((ushort*)rows[0]), r1 = Vector128.Load((ushort*)rows[1]),
            r2 = Vector128.Load((ushort*)rows[2]), r3 = Vector128.Load((ushort*)rows[3]);
        Vector128<ushort> r4 = Vector128.Load((ushort*)rows[4]), r5 = Vector128.Load((ushort*)rows[5]),
            r6 = Vector128.Load((ushort*)rows[6]), r7 = Vector128.Load((ushort*)rows[7]);
        Vector128<uint> a0 = Sse2.UnpackLow(r0, r1).AsUInt32(), a1 = Sse2.UnpackHigh(r0, r1).AsUInt32(),
            a2 = Sse2.UnpackLow(r2, r3).AsUInt32(), a3 = Sse2.UnpackHigh(r2, r3).AsUInt32();
        Vector128<uint> a4 = Sse2.UnpackLow(r4, r5).AsUInt32(), a5 = Sse2.UnpackHigh(r4, r5).AsUInt32(),
            a6 = Sse2.UnpackLow(r6, r7).AsUInt32(), a7 = Sse2.UnpackHigh(r6, r7).AsUInt32();
        Vector128<ulong> b0 = Sse2.UnpackLow(a0, a2).AsUInt64(), b1 = Sse2.UnpackHigh(a0, a2).AsUInt64(),
            b2 = Sse2.UnpackLow(a1, a3).AsUInt64(), b3 = Sse2.UnpackHigh(a1, a3).AsUInt64();
        Vector128<ulong> b4 = Sse2.UnpackLow(a4, a6).AsUInt64(), b5 = Sse2.UnpackHigh(a4, a6).AsUInt64(),
            b6 = Sse2.UnpackLow(a5, a7).AsUInt64(), b7 = Sse2.UnpackHigh(a5, a7).AsUInt64();
        ulong* d = (ulong*)to;
        Sse2.UnpackLow(b0, b4).Store(d);
        Sse2.UnpackHigh(b0, b4).Store(d + 2);
        Sse2.UnpackLow(b1, b5).Store(d + 4);
        Sse2.UnpackHigh(b1, b5).Store(d + 6);
        Sse2.UnpackLow(b2, b6).Store(d + 8);
        Sse2.UnpackHigh(b2, b6).Store(d + 10);
        Sse2.UnpackLow(b3, b7).Store(d + 12);
        Sse2.UnpackHigh(b3, b7).Store(d + 14);
    }
}

/// <summary>ldmatrix: lanes 8j to 8j + 7 give the rows of matrix j.</summary>
internal static unsafe class LoadMatrixAccess<TChecks, TCounts> where TChecks : struct, IChecks where TCounts : struct, ICounts
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Load(Warp w, Instruction* i)
    {
        if (w.Mask != Warp.Full) { throw w.Fault(KernelFault.DivergentWarp, ~w.Mask, "ldmatrix needs all 32 lanes"); }
        int matrices = i->Elements;
        // sm_75 wants all 32 addresses to be good even for x1 and x2; later targets those of the first 8 or 16 lanes.
        uint lanes = matrices == 4 || w.Block.Launch.Capability < 80 ? Warp.Full : (1u << 8 * matrices) - 1;
        if (matrices == 4) { MemoryAccess<TChecks, TCounts>.ResolveShared(w, i, lanes, 16, AccessKind.Read); }
        else
        {
            uint used = (1u << 8 * matrices) - 1;
            if (lanes != used) { MemoryAccess<Unchecked, Uncounted>.ResolveShared(w, i, lanes, 16, AccessKind.Read); }
            MemoryAccess<TChecks, TCounts>.ResolveShared(w, i, used, 16, AccessKind.Read);
        }
        for (int k = 0; k < matrices; k++) { LoadMatrix.Matrix(w.Pointers + 8 * k, (byte*)w.Register(i->Slots[k]), i->Choice != 0); }
    }
}
