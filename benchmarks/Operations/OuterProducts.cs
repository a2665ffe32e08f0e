using BenchmarkDotNet.Attributes;
using MiniLM.Compute;
using MiniLM.Cpu;

namespace Operations;

/// <summary>The gradient of 96 by 384 weights: sums over rows.</summary>
public unsafe class OuterProducts : IMeasured
{
    private const int Channels = 96, Columns = 384;

    private ProductKernels _products = null!;
    private NativeBlock _dy = null!, _x = null!, _gradient = null!;

    [Params(Precision.Float32, Precision.BFloat16, Precision.Float16)]
    public Precision Precision { get; set; }

    [Params(128, 512)]
    public int Rows { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _products = ProductKernels.For(CpuTiers.InForce(), Precision);
        (_dy, _x) = (Blocks.Operands(_products, Rows * Channels), Blocks.Operands(_products, Rows * Columns, 2));
        _gradient = new NativeBlock(Channels * Columns);
    }

    [Benchmark]
    public void Add() => _products.AddOuter(_dy.Floats, Channels, Channels, _x.Floats, Columns, Columns, Rows / _products.Group, _gradient.Floats,
        Columns);

    public Work? WorkOf(string benchmark)
    {
        int size = ProductKernels.For(CpuTiers.InForce(), Precision).Size;
        return new Work(2.0 * Rows * Channels * Columns, size * Rows * (Channels + Columns) + 2.0 * sizeof(float) * Channels * Columns, Precision);
    }
}
