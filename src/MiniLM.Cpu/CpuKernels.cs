using MiniLM.Compute;
using MiniLM.Model;

namespace MiniLM.Cpu;

/// <summary>The kernels of one tier: products by its precision, rows in float32. Shapes and formulas stand with each operation's file.</summary>
internal abstract unsafe class CpuKernels(ProductKernels products)
{
    internal ProductKernels Products { get; } = products;

    internal abstract void LayerNorm(float* x, float* gamma, float* beta, float epsilon, float* y, int width);
    internal abstract void LayerNormBackward(float* x, float* gamma, float epsilon, float* d, float* dGamma, float* dBeta, int width);
    internal abstract void SoftmaxBackward(float* p, float inverse, float* dp, int padded, float factor);
    internal abstract float Softmax(float* scores, float* bias, int length, int padded, float factor);
    internal abstract void Activate(Activation activation, float* x, float* y, float* slopes, int count);
    internal abstract void Pool(PoolingMode mode, float* rows, nint stride, int* columns, int length, float* y, int width);
    internal abstract float Dot(float* a, float* b, int count);

    internal abstract void Similarity(float* queries, int queryCount, float* documents, int first, int end, int width, float* scores, nint scoresStride);

    internal abstract void NegativeDistances(
        bool isEuclidean, float* queries, int queryCount, float* documents, int first, int end, int width, float* scores, nint scoresStride);

    internal static CpuKernels For(CpuTier tier, Precision precision = Precision.Float32)
    {
        ProductKernels products = ProductKernels.For(tier, precision);
        return tier switch
        {
            CpuTier.Avx512 or CpuTier.Avx2 => new LanesKernels<Lanes256>(products), // Zen 4 runs rows in 256 bits as fast as in 512
            CpuTier.Vector128 => new LanesKernels<Lanes128>(products),
            _ => new LanesKernels<Lanes1>(products),
        };
    }
}

/// <summary>Rows in C# vectors of one width.</summary>
internal unsafe class LanesKernels<TLanes>(ProductKernels products) : CpuKernels(products) where TLanes : struct, ILanes<TLanes>
{
    internal override void LayerNorm(float* x, float* gamma, float* beta, float epsilon, float* y, int width) =>
        Cpu.LayerNorm.Forward<TLanes>(x, gamma, beta, epsilon, y, width);

    internal override void LayerNormBackward(float* x, float* gamma, float epsilon, float* d, float* dGamma, float* dBeta, int width) =>
        Cpu.LayerNorm.Backward<TLanes>(x, gamma, epsilon, d, dGamma, dBeta, width);

    internal override void SoftmaxBackward(float* p, float inverse, float* dp, int padded, float factor) =>
        Cpu.Softmax.Backward<TLanes>(p, inverse, dp, padded, factor);

    internal override float Softmax(float* scores, float* bias, int length, int padded, float factor) =>
        Cpu.Softmax.Forward<TLanes>(scores, bias, length, padded, factor);

    internal override void Activate(Activation activation, float* x, float* y, float* slopes, int count) =>
        Activations.Forward<TLanes>(activation, x, y, slopes, count);

    internal override void Pool(PoolingMode mode, float* rows, nint stride, int* columns, int length, float* y, int width) =>
        Pooling.Forward<TLanes>(mode, rows, stride, columns, length, y, width);

    internal override float Dot(float* a, float* b, int count) => Cpu.Similarity.Dot<TLanes>(a, b, count);

    internal override void Similarity(float* queries, int queryCount, float* documents, int first, int end, int width, float* scores, nint scoresStride) =>
        Cpu.Similarity.AllPairs<TLanes, ScalarProduct>(queries, queryCount, documents, first, end, width, scores, scoresStride);

    internal override void NegativeDistances(
        bool isEuclidean, float* queries, int queryCount, float* documents, int first, int end, int width, float* scores, nint scoresStride)
    {
        if (isEuclidean) { Cpu.Similarity.AllPairs<TLanes, NegativeEuclidean>(queries, queryCount, documents, first, end, width, scores, scoresStride); }
        else { Cpu.Similarity.AllPairs<TLanes, NegativeManhattan>(queries, queryCount, documents, first, end, width, scores, scoresStride); }
    }
}
