using static Iced.Intel.AssemblerRegisters;
using Zmm = Iced.Intel.AssemblerRegisterZMM;

namespace MiniLM.Cpu.Jit;

/// <summary>
/// What happens to a finished sum on its way to memory, emitted into the GEMM kernel so that it makes no trip through memory.
/// A step may use r8: the row bases are free once the sums are finished.
/// </summary>
internal abstract class EpilogueStep
{
    internal static EpilogueStep? For(Epilogue epilogue, Dot dot) => epilogue switch
    {
        Epilogue.None => null,
        Epilogue.AddResidual => new AddResidualStep(),
        Epilogue.ScaleRow => new ScaleRowStep(),
        Epilogue.Gelu => new GeluStep(dot),
        Epilogue.GeluTanh => new LogisticStep((float)(-2 * 1.4426950408889634 * 0.7978845608028654), 0.044715f),
        Epilogue.Relu => new ReluStep(),
        Epilogue.Silu => new LogisticStep(Activations.SiluScale),
        Epilogue.QuickGelu => new LogisticStep(Activations.QuickGeluScale),
        _ => throw new InvalidOperationException($"no step {epilogue}"),
    };

    /// <summary>Before the first row of a panel: load pointers, move those in the argument block on to the next panel.</summary>
    internal virtual void Panel(KernelAssembler c, int vectors) { }

    internal virtual void NextRow(KernelAssembler c) { }

    internal abstract void Emit(KernelAssembler c, Zmm x, ReadOnlySpan<Zmm> spare, int row, int v);
}

/// <summary>x + residual[row, column].</summary>
internal sealed class AddResidualStep : EpilogueStep
{
    internal override void Panel(KernelAssembler c, int vectors)
    {
        c.mov(r8, GemmAvx512.Argument(GemmField.Residual));
        c.add(GemmAvx512.Argument(GemmField.Residual), 64 * vectors);
    }

    internal override void NextRow(KernelAssembler c) => c.add(r8, GemmAvx512.Argument(GemmField.ResidualStride));

    internal override void Emit(KernelAssembler c, Zmm x, ReadOnlySpan<Zmm> spare, int row, int v) => c.vaddps(x, x, __zmmword_ptr[r8 + 64 * v]);
}

/// <summary>x * scale[row].</summary>
internal sealed class ScaleRowStep : EpilogueStep
{
    internal override void Panel(KernelAssembler c, int vectors) => c.mov(r8, GemmAvx512.Argument(GemmField.RowScale));

    internal override void Emit(KernelAssembler c, Zmm x, ReadOnlySpan<Zmm> spare, int row, int v) => c.vmulps(x, x, __dword_bcst[r8 + 4 * row]);
}

/// <summary>max(0, x); a NaN stays one, because vmaxps returns its second operand.</summary>
internal sealed class ReluStep : EpilogueStep
{
    internal override void Emit(KernelAssembler c, Zmm x, ReadOnlySpan<Zmm> spare, int row, int v)
    {
        c.vpxord(spare[0], spare[0], spare[0]);
        c.vmaxps(x, spare[0], x);
    }
}

/// <summary>x Phi(x), erf form: Phi(|x|) - 1/2 from 16 segments of width 3/8, a polynomial each, coefficients picked by vpermps.</summary>
/// <remarks>
/// Degree 5: 18 instructions, about 13 cycles a vector on Zen 4; worst error measured against double: 3.4e-7 absolute.
/// Degree 3 for bfloat16, whose rounding is far coarser.
/// </remarks>
internal sealed class GeluStep(Dot dot) : EpilogueStep
{
    private const float Width = 0.375f;
    private const float Round = 12582912f; // 1.5 * 2^23: adding it leaves the rounded integer in the low bits
    private static readonly float[][] Degree5 = MakeSegments(5), Degree3 = MakeSegments(3);

    private float[][] Segments => dot == Dot.BFloat16 ? Degree3 : Degree5;

    internal override void Emit(KernelAssembler c, Zmm x, ReadOnlySpan<Zmm> spare, int row, int v)
    {
        (Zmm t, Zmm r, Zmm segment, Zmm sum) = (spare[0], spare[1], spare[2], spare[3]);
        c.vpandd(r, x, c.Constant(0x7fffffffu));
        c.vminps(r, r, c.Constant(15 * Width));
        c.vbroadcastss(segment, c.Scalar(Round));
        c.vfmadd231ps(segment, r, c.Constant(1 / Width));
        c.vsubps(t, segment, c.Constant(Round));
        c.vfnmadd231ps(r, t, c.Constant(Width)); // |x| - center of the segment
        c.vpermps(sum, segment, c.Table(Segments[^1]));
        for (int i = Segments.Length - 2; i >= 0; i--)
        {
            c.vpermps(t, segment, c.Table(Segments[i]));
            c.vfmadd213ps(sum, r, t);
        }
        c.vpandd(t, x, c.Constant(0x7fffffffu));
        c.vmulps(x, x, c.Constant(0.5f));
        c.vfmadd231ps(x, t, sum); // x/2 + |x| (Phi(|x|) - 1/2): a NaN in x stays one
    }

    // The last segment is the constant 1/2, so that gelu(x) = x exactly beyond it and 0 exactly below its mirror image.
    private static float[][] MakeSegments(int degree)
    {
        float[][] table = [.. Enumerable.Range(0, degree + 1).Select(_ => new float[16])];
        for (int segment = 0; segment < 15; segment++)
        {
            double center = segment * (double)Width;
            double[] p = Polynomial.Fit(x => Math.Sign(center + x) * Polynomial.HalfErf(Math.Abs(center + x)), Width / 2, degree);
            for (int i = 0; i <= degree; i++) { table[i][segment] = (float)p[i]; }
        }
        table[0][0] = 0;
        table[0][15] = 0.5f;
        return table;
    }
}

/// <summary>x sigmoid(z) as x / (1 + 2^(-log2(e) z)), -log2(e) z = scale (x + cubic x^3): silu, and the tanh form of GELU with z = 2 u,
/// u = sqrt(2/pi) (x + 0.044715 x^3).</summary>
internal sealed class LogisticStep(float scale, float cubic = 0) : EpilogueStep
{
    internal override void Emit(KernelAssembler c, Zmm x, ReadOnlySpan<Zmm> spare, int row, int v)
    {
        (Zmm t, Zmm n, Zmm p) = (spare[0], spare[1], spare[2]);
        if (cubic == 0) { c.vbroadcastss(t, c.Scalar(scale)); }
        else
        {
            c.vmulps(t, x, x);
            c.vbroadcastss(n, c.Scalar(scale * cubic));
            c.vfmadd213ps(t, n, c.Constant(scale)); // scale (1 + cubic x^2)
        }
        c.vmulps(t, t, x);
        c.vbroadcastss(n, c.Scalar(120f));
        c.vminps(t, n, t); // 2^120 x: still finite, and x / 2^120 is 0 to the tolerance; a NaN stays one
        c.vrndscaleps(n, t, 0);
        c.vsubps(t, t, n);
        c.vbroadcastss(p, c.Scalar(Polynomial.Exp2[^1]));
        for (int i = Polynomial.Exp2.Length - 2; i >= 0; i--) { c.vfmadd213ps(p, t, c.Constant(Polynomial.Exp2[i])); }
        c.vscalefps(p, p, n);
        c.vaddps(p, p, c.Constant(1f));
        c.vdivps(x, x, p);
    }
}
