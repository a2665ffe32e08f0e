using System.Diagnostics;
using MiniLM.Cpu.Jit;
using MiniLM.Model;

namespace MiniLM.Cpu;

/// <summary>The kernels of one tier. Shapes and formulas stand with each operation's file.</summary>
internal abstract unsafe class CpuKernels
{
    /// <summary>Most rows of one GEMM strip.</summary>
    internal abstract int Tallest { get; }

    /// <summary>Most channels of one strip of an outer product.</summary>
    internal abstract int TallestOuter { get; }

    internal abstract void OuterStrip(OuterCall* call, int channels);
    internal abstract void GemmStrip(Epilogue epilogue, GemmCall* arguments, int rows);
    internal abstract void LayerNorm(float* x, float* gamma, float* beta, float epsilon, float* y, int width);
    internal abstract void LayerNormBackward(float* x, float* gamma, float epsilon, float* d, float* dGamma, float* dBeta, int width);
    internal abstract void SoftmaxBackward(float* p, float* dp, int padded, float factor);
    internal abstract void ActivateBackward(Activation activation, float* x, float* dy, int count);
    internal abstract float Softmax(float* scores, float* bias, int length, int padded, float factor);
    internal abstract void Activate(Activation activation, float* x, int count);
    internal abstract void Pool(PoolingMode mode, float* rows, nint stride, int* columns, int length, float* y, int width);
    internal abstract float Dot(float* a, float* b, int count);

    internal abstract void Similarity(float* queries, int queryCount, float* documents, int first, int end, int width, float* scores, nint scoresStride);

    private static readonly CpuKernels?[] Made = new CpuKernels?[Enum.GetValues<CpuTier>().Length];

    internal static CpuKernels For(CpuTier tier) => Made[(int)tier] ??= tier switch
    {
        CpuTier.Avx512 => new Avx512Kernels(),
        CpuTier.Avx2 => new LanesKernels<Lanes256>(),
        CpuTier.Vector128 => new LanesKernels<Lanes128>(),
        _ => new LanesKernels<Lanes1>(),
    };

    /// <summary>rows x matrix, panels [first, end), <see cref="Together"/> at a time: those stay in L2 while the strips of A pass over them.</summary>
    /// <remarks>Pointers in <paramref name="arguments"/> are those of row 0 and panel 0. Strips have equal heights, give or take one.</remarks>
    internal void Gemm(Epilogue epilogue, in GemmCall arguments, int rows, int first, int end)
    {
        Debug.Assert(arguments.A != null && arguments.B != null && arguments.C != null && arguments.K > 0);
        Debug.Assert(rows >= 0 && first >= 0 && end >= first);
        Debug.Assert(epilogue != Epilogue.AddResidual || arguments.Residual != null);
        Debug.Assert(epilogue != Epilogue.ScaleRow || arguments.RowScale != null);
        int strips = (rows + Tallest - 1) / Tallest;
        for (int panel = first; panel < end; panel += Together)
        {
            for (int strip = 0; strip < strips; strip++)
            {
                int row = StripStart(rows, strip, strips), next = StripStart(rows, strip + 1, strips), column = panel * Cpu.Gemm.Columns;
                GemmCall call = arguments;
                call.A = (float*)((byte*)arguments.A + row * arguments.AStride);
                call.B = arguments.B + panel * arguments.K * Cpu.Gemm.Columns;
                call.C = (float*)((byte*)arguments.C + row * arguments.CStride + panel * arguments.CPanel);
                call.Start = arguments.Start == null ? null : arguments.Start + column;
                call.Residual = (float*)((byte*)arguments.Residual + row * arguments.ResidualStride) + column;
                call.RowScale = arguments.RowScale + row;
                call.Panels = Math.Min(Together, end - panel);
                GemmStrip(epilogue, &call, next - row);
            }
        }
    }

    private const int Together = 6;

    internal static int StripStart(int rows, int strip, int strips) => (int)((long)rows * strip / strips);
}

/// <summary>Everything in C# vectors of one width.</summary>
internal unsafe class LanesKernels<TLanes> : CpuKernels where TLanes : struct, ILanes<TLanes>
{
    internal override int Tallest => Cpu.Gemm.Tallest;

    internal override int TallestOuter => OuterProduct.TallestInLanes;

    internal override void OuterStrip(OuterCall* call, int channels) => OuterProduct.Strip<TLanes>(call, channels);

    internal override void GemmStrip(Epilogue epilogue, GemmCall* arguments, int rows) => Cpu.Gemm.Strip<TLanes>(epilogue, arguments, rows);

    internal override void LayerNorm(float* x, float* gamma, float* beta, float epsilon, float* y, int width) =>
        Cpu.LayerNorm.Forward<TLanes>(x, gamma, beta, epsilon, y, width);

    internal override void LayerNormBackward(float* x, float* gamma, float epsilon, float* d, float* dGamma, float* dBeta, int width) =>
        Cpu.LayerNorm.Backward<TLanes>(x, gamma, epsilon, d, dGamma, dBeta, width);

    internal override void SoftmaxBackward(float* p, float* dp, int padded, float factor) => Cpu.Softmax.Backward<TLanes>(p, dp, padded, factor);

    internal override void ActivateBackward(Activation activation, float* x, float* dy, int count) =>
        Activations.Backward<TLanes>(activation, x, dy, count);

    internal override float Softmax(float* scores, float* bias, int length, int padded, float factor) =>
        Cpu.Softmax.Forward<TLanes>(scores, bias, length, padded, factor);

    internal override void Activate(Activation activation, float* x, int count) => Activations.Forward<TLanes>(activation, x, count);

    internal override void Pool(PoolingMode mode, float* rows, nint stride, int* columns, int length, float* y, int width) =>
        Pooling.Forward<TLanes>(mode, rows, stride, columns, length, y, width);

    internal override float Dot(float* a, float* b, int count) => Cpu.Similarity.Dot<TLanes>(a, b, count);

    internal override void Similarity(float* queries, int queryCount, float* documents, int first, int end, int width, float* scores, nint scoresStride) =>
        Cpu.Similarity.AllPairs<TLanes>(queries, queryCount, documents, first, end, width, scores, scoresStride);
}

/// <summary>Matrix products assembled for AVX-512, rows in 256 bits: Zen 4 runs those as fast as 512.</summary>
internal sealed unsafe class Avx512Kernels : LanesKernels<Lanes256>
{
    // Assembled when first asked for: a short query needs five of the eighty-four, and each takes a fraction of a millisecond.
    private readonly nint[] _strips = new nint[Enum.GetValues<Epilogue>().Length * (GemmAvx512.Tallest + 1)];
    private readonly nint[] _outer = new nint[OuterAvx512.Tallest + 1];

    internal override int Tallest => GemmAvx512.Tallest;

    internal override int TallestOuter => OuterAvx512.Tallest;

    internal override void OuterStrip(OuterCall* call, int channels)
    {
        Debug.Assert(channels is > 0 and <= OuterAvx512.Tallest);
        nint kernel = Volatile.Read(ref _outer[channels]);
        if (kernel == 0) { kernel = Load(ref _outer[channels], OuterAvx512.Assemble(channels, OperatingSystem.IsWindows())); }
        ((delegate* unmanaged<OuterCall*, void>)kernel)(call);
    }

    internal override void GemmStrip(Epilogue epilogue, GemmCall* arguments, int rows)
    {
        Debug.Assert(rows is > 0 and <= GemmAvx512.Tallest && arguments->Panels > 0); // the code counts panels down to 0
        nint kernel = Volatile.Read(ref _strips[(int)epilogue * (GemmAvx512.Tallest + 1) + rows]);
        if (kernel == 0)
        {
            kernel = Load(ref _strips[(int)epilogue * (GemmAvx512.Tallest + 1) + rows], GemmAvx512.Assemble(rows, epilogue, OperatingSystem.IsWindows()));
        }
        ((delegate* unmanaged<GemmCall*, void>)kernel)(arguments);
    }

    private nint Load(ref nint place, byte[] code)
    {
        lock (_strips)
        {
            if (place == 0) { Volatile.Write(ref place, ExecutableMemory.Load(code)); }
            return place;
        }
    }
}
