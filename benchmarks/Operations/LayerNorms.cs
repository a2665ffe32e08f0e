using BenchmarkDotNet.Attributes;
using MiniLM.Compute;
using MiniLM.Cpu;

namespace Operations;

/// <summary>128 rows.</summary>
public unsafe class LayerNorms : IMeasured
{
    private const int Rows = 128;
    private const float Epsilon = 1e-12f;

    private readonly CpuKernels _kernels = CpuKernels.For(CpuTiers.InForce());
    private NativeBlock _x = null!, _y = null!, _gamma = null!, _beta = null!, _dGamma = null!, _dBeta = null!;

    [Params(384, 768)]
    public int Width { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        (_x, _y) = (Blocks.Random(Rows * Width), Blocks.Random(Rows * Width, 2));
        (_gamma, _beta, _dGamma, _dBeta) = (Blocks.Random(Width, 3), Blocks.Random(Width, 4), new NativeBlock(Width), new NativeBlock(Width));
    }

    [Benchmark]
    public void Forward()
    {
        for (int row = 0; row < Rows; row++)
        {
            _kernels.LayerNorm(_x.Floats + row * Width, _gamma.Floats, _beta.Floats, Epsilon, _y.Floats + row * Width, Width);
        }
    }

    [Benchmark]
    public void Backward()
    {
        for (int row = 0; row < Rows; row++)
        {
            _kernels.LayerNormBackward(_x.Floats + row * Width, _gamma.Floats, Epsilon, _y.Floats + row * Width, _dGamma.Floats, _dBeta.Floats, Width);
        }
    }

    public Work? WorkOf(string benchmark)
    {
        double values = (double)Rows * Width;
        return benchmark == nameof(Forward) ? new Work(8 * values, 8 * values) : new Work(17 * values, 12 * values);
    }
}
