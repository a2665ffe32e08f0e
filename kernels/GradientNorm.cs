using ILGPU;
using static MiniLM.Kernels.Instructions;

namespace MiniLM.Kernels;

/// <summary>The global norm, whether it is finite, and the factor that unscales and cuts the gradients: AdamW reads them where they are, so a step needs no
/// answer from the host.</summary>
/// <remarks>A block sums the squares of a piece of at most 8,192 values in fp32, 32 a thread; one block adds the pieces. Orders are those of the
/// parameters. A scaled gradient beyond 1e19 has an infinite square, and the step is not taken. Bound: memory.</remarks>
public static class GradientNorm
{
    private const int Threads = 256;

    /// <summary>The grid is (pieces, 1).</summary>
    [Kernel(60, Threads, SharedBytes = Threads * 4)]
    public static void GradientSquaresF32(GradientNormArguments g)
    {
        uint thread = (uint)Group.IdxX;
        ulong piece = g.Pieces + Wide((uint)Grid.IdxX, 8), from = g.Gradients + Wide(Load(piece, 0), 4);
        float sum = 0;
        for (uint i = thread; i < Load(piece, 4); i += Threads)
        {
            float value = LoadFloat(from + Wide(i, 4), 0);
            sum = Fma(value, value, sum);
        }
        sum = BlockSum(sum);
        if (thread == 0) { Store(g.Squares + Wide((uint)Grid.IdxX, 4), 0, sum); }
    }

    /// <summary>The grid is one block.</summary>
    [Kernel(60, Threads, SharedBytes = Threads * 4)]
    public static void GradientNormF32(GradientNormArguments g)
    {
        uint thread = (uint)Group.IdxX;
        float sum = 0;
        for (uint i = thread; i < g.Count; i += Threads) { sum += LoadFloat(g.Squares + Wide(i, 4), 0); }
        sum = BlockSum(sum);
        if (thread == 0)
        {
            float norm = Divide(SquareRoot(sum), g.LossScale), factor = Divide(g.MaxNorm, norm + 1e-6f);
            Store(g.Factor, 0, norm);
            Store(g.Factor, StepFactor.FactorAt, Divide(factor < 1 ? factor : 1, g.LossScale));
            Store(g.Factor, StepFactor.IsTakenAt, norm <= 3.4028235e38f ? 1u : 0u); // a NaN is not
        }
    }

    private static float BlockSum(float value)
    {
        uint thread = (uint)Group.IdxX, shared = SharedBase();
        float sum = WarpReduction.Sum(value);
        if ((thread & 31) == 0) { StoreShared(shared + (thread >> 5) * 4, 0, sum); }
        Group.Barrier();
        Float4 low = LoadSharedFloat4(shared, 0), high = LoadSharedFloat4(shared, 16);
        return low.X + low.Y + (low.Z + low.W) + (high.X + high.Y + (high.Z + high.W));
    }
}
