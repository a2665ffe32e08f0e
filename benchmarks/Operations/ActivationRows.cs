using BenchmarkDotNet.Attributes;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Model;

namespace Operations;

/// <summary>32 rows of a feed-forward layer of 1,536.</summary>
public unsafe class ActivationRows : IMeasured
{
    private const int Count = 32 * 1536;

    private readonly CpuKernels _kernels = CpuKernels.For(CpuTiers.InForce());
    private NativeBlock _x = null!, _y = null!;
    private Activation _activation;

    [Params(nameof(Activation.Gelu), nameof(Activation.GeluTanh), nameof(Activation.Relu), nameof(Activation.Tanh))]
    public string Function { get; set; } = "";

    [GlobalSetup]
    public void Setup()
    {
        _activation = Enum.Parse<Activation>(Function);
        (_x, _y) = (Blocks.Random(Count), Blocks.Random(Count, 2));
    }

    [Benchmark]
    public void Forward() => _kernels.Activate(_activation, _x.Floats, _y.Floats, null, Count);

    // Its sums are overwritten by slopes, the gradient by itself times a slope: both fade, which costs the same.
    [Benchmark]
    public void ForwardWithSlopes() => _kernels.Activate(_activation, _x.Floats, _y.Floats, _x.Floats, Count);

    [Benchmark]
    public void Backward() => Activations.Backward(_x.Floats, _y.Floats, Count);

    public Work? WorkOf(string benchmark) => new Work(0, benchmark == nameof(Forward) ? 8.0 * Count : 12.0 * Count);
}
