using System.Diagnostics;
using System.Runtime.CompilerServices;
using MiniLM.Model;

namespace MiniLM.Cpu;

/// <summary>One strip of C = epilogue(start + A B) in C# vectors: the tiers below machine code. Operands: <see cref="GemmCall"/>.</summary>
/// <remarks>6 rows x 2 vectors of sums in flight, as many as 16 registers take; a panel is passed over in pieces of two vectors.</remarks>
internal static unsafe class Gemm
{
    internal const int Columns = 32; // of a panel, in every tier
    internal const int Tallest = 6;

    internal static void Strip<TLanes>(Epilogue epilogue, GemmCall* arguments, int rows) where TLanes : struct, ILanes<TLanes>
    {
        Debug.Assert(rows is > 0 and <= Tallest);
        for (int panel = 0; panel < arguments->Panels; panel++)
        {
            float* b = (float*)arguments->B + panel * arguments->K * Columns, start = arguments->Start == null ? null : arguments->Start + panel * Columns;
            float* residual = epilogue == Epilogue.AddResidual ? arguments->Residual + panel * Columns : null;
            byte* c = (byte*)arguments->C + panel * arguments->CPanel;
            for (int column = 0; column < Columns; column += 2 * TLanes.Count)
            {
                Sums<TLanes>(arguments, rows, b + column, start == null ? null : start + column, (float*)c + column,
                    residual == null ? null : residual + column);
            }
            for (int row = 0; row < rows; row++) { Finish<TLanes>(epilogue, arguments, row, (float*)(c + row * arguments->CStride)); }
        }
    }

    // Rows past the last one repeat it: one kernel serves every height, and a sum never depends on it.
    private static void Sums<TLanes>(GemmCall* arguments, int rows, float* b, float* start, float* c, float* residual) where TLanes : struct, ILanes<TLanes>
    {
        nint stride = arguments->AStride, cStride = arguments->CStride;
        byte* a = (byte*)arguments->A;
        float* a0 = (float*)a, a1 = (float*)(a + stride * Math.Min(1, rows - 1)), a2 = (float*)(a + stride * Math.Min(2, rows - 1));
        float* a3 = (float*)(a + stride * Math.Min(3, rows - 1)), a4 = (float*)(a + stride * Math.Min(4, rows - 1)),
            a5 = (float*)(a + stride * Math.Min(5, rows - 1));
        TLanes left = start == null ? TLanes.Create(0) : TLanes.Load(start), right = start == null ? left : TLanes.Load(start + TLanes.Count);
        TLanes l0 = left, l1 = left, l2 = left, l3 = left, l4 = left, l5 = left, r0 = right, r1 = right, r2 = right, r3 = right, r4 = right, r5 = right;
        for (nint k = 0; k < arguments->K; k++, b += Columns)
        {
            TLanes lb = TLanes.Load(b), rb = TLanes.Load(b + TLanes.Count);
            TLanes x = TLanes.Create(a0[k]);
            l0 = TLanes.MultiplyAdd(x, lb, l0);
            r0 = TLanes.MultiplyAdd(x, rb, r0);
            x = TLanes.Create(a1[k]);
            l1 = TLanes.MultiplyAdd(x, lb, l1);
            r1 = TLanes.MultiplyAdd(x, rb, r1);
            x = TLanes.Create(a2[k]);
            l2 = TLanes.MultiplyAdd(x, lb, l2);
            r2 = TLanes.MultiplyAdd(x, rb, r2);
            x = TLanes.Create(a3[k]);
            l3 = TLanes.MultiplyAdd(x, lb, l3);
            r3 = TLanes.MultiplyAdd(x, rb, r3);
            x = TLanes.Create(a4[k]);
            l4 = TLanes.MultiplyAdd(x, lb, l4);
            r4 = TLanes.MultiplyAdd(x, rb, r4);
            x = TLanes.Create(a5[k]);
            l5 = TLanes.MultiplyAdd(x, lb, l5);
            r5 = TLanes.MultiplyAdd(x, rb, r5);
        }
        Store(0, l0, r0);
        Store(1, l1, r1);
        Store(2, l2, r2);
        Store(3, l3, r3);
        Store(4, l4, r4);
        Store(5, l5, r5);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        void Store(int row, TLanes l, TLanes r)
        {
            if (row >= rows) { return; }
            if (residual != null) // which may be c itself
            {
                float* from = (float*)((byte*)residual + row * arguments->ResidualStride);
                l += TLanes.Load(from);
                r += TLanes.Load(from + TLanes.Count);
            }
            float* to = (float*)((byte*)c + row * cStride);
            l.Store(to);
            r.Store(to + TLanes.Count);
        }
    }

    private static void Finish<TLanes>(Epilogue epilogue, GemmCall* arguments, int row, float* c) where TLanes : struct, ILanes<TLanes>
    {
        switch (epilogue)
        {
            case Epilogue.Gelu: Activations.Forward<TLanes>(Activation.Gelu, c, c, null, Columns); break;
            case Epilogue.GeluTanh: Activations.Forward<TLanes>(Activation.GeluTanh, c, c, null, Columns); break;
            case Epilogue.Relu: Activations.Forward<TLanes>(Activation.Relu, c, c, null, Columns); break;
            case Epilogue.Silu: Activations.Forward<TLanes>(Activation.Silu, c, c, null, Columns); break;
            case Epilogue.QuickGelu: Activations.Forward<TLanes>(Activation.QuickGelu, c, c, null, Columns); break;
            case Epilogue.ScaleRow:
                TLanes scale = TLanes.Create(arguments->RowScale[row]);
                for (int i = 0; i < Columns; i += TLanes.Count) { (TLanes.Load(c + i) * scale).Store(c + i); }
                break;
            default: break;
        }
    }
}
