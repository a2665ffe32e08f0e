using BenchmarkDotNet.Attributes;
using MiniLM.Compute;
using MiniLM.Cpu;

namespace Operations;

/// <summary>64 rows of scores.</summary>
public unsafe class Softmaxes : IMeasured
{
    private const int Rows = 64;

    private readonly CpuKernels _kernels = CpuKernels.For(CpuTiers.InForce());
    private NativeBlock _scores = null!, _gradient = null!;

    [Params(32, 128, 512)]
    public int Length { get; set; }

    [GlobalSetup]
    public void Setup() => (_scores, _gradient) = (Blocks.Random(Rows * Length), Blocks.Random(Rows * Length, 2));

    [Benchmark]
    public float Forward()
    {
        float sum = 0;
        for (int row = 0; row < Rows; row++) { sum += _kernels.Softmax(_scores.Floats + row * Length, null, Length, Length, .25f); }
        return sum;
    }

    [Benchmark]
    public void Backward()
    {
        for (int row = 0; row < Rows; row++) { _kernels.SoftmaxBackward(_scores.Floats + row * Length, 1, _gradient.Floats + row * Length, Length, .18f); }
    }

    /// <summary>In place; backward reads the probabilities too.</summary>
    public Work? WorkOf(string benchmark) => new Work(0, (benchmark == nameof(Forward) ? 8.0 : 12.0) * Rows * Length);
}
