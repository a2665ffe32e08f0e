using BenchmarkDotNet.Attributes;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Model;

namespace Operations;

/// <summary>128 rows of the shipped model's tables, which are float16: in and, as means, out.</summary>
public unsafe class Embeddings : IMeasured
{
    private const int Rows = 128, Width = 384;

    private readonly CpuKernels _kernels = CpuKernels.For(CpuTiers.InForce());
    private readonly PackedBatch _batch = new();
    private ModelFolder _model = null!;
    private EmbeddingRows _embedding = null!;
    private NativeBlock _x = null!, _pooled = null!;

    [GlobalSetup]
    public void Setup()
    {
        _model = ModelFolder.Open(ModelFolder.Resolve(null));
        Random random = new(1);
        _batch.Add([.. Enumerable.Range(0, Rows).Select(_ => random.Next(1000, 30000))], [], _model.Network.Config.Architecture);
        _embedding = new EmbeddingRows(_kernels, _model.Network.Config, _model.Network.Encoder);
        (_x, _pooled) = (Blocks.Random(Rows * Width), new NativeBlock(Width));
    }

    [Benchmark]
    public void Gather() => _embedding.Gather(_batch, 0, Rows, _x.Floats, Width);

    [Benchmark]
    public void MeanPooling()
    {
        fixed (int* columns = _batch.Columns) { _kernels.Pool(PoolingMode.Mean, _x.Floats, Width, columns, Rows, _pooled.Floats, Width); }
    }

    public Work? WorkOf(string benchmark) => benchmark == nameof(Gather)
        ? new Work(10.0 * Rows * Width, (3 * sizeof(short) + sizeof(float)) * Rows * Width)
        : new Work((double)Rows * Width, (double)sizeof(float) * Rows * Width);

    [GlobalCleanup]
    public void Close() => _model.Dispose();
}
