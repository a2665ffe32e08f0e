using BenchmarkDotNet.Attributes;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Cpu.Training;
using MiniLM.Model;
using MiniLM.Training;

namespace Operations;

/// <summary>A weight of 1,536 by 384 into panels, as training does after each step.</summary>
public class Packing : IMeasured
{
    private const int Outputs = 1536, Inputs = 384;

    private ParameterBlock _parameters = null!;
    private CpuDevice _device = null!;
    private PackedLinear _panels = null!;
    private PackedTransposed _transposed = null!;

    [Params(Precision.Float32, Precision.BFloat16, Precision.Float16)]
    public Precision Precision { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        using ModelFolder model = ModelFolder.Open(ModelFolder.Resolve(null));
        _parameters = new ParameterBlock(model.Network);
        _device = new CpuDevice(1);
        ProductKernels products = _device.KernelsOf(Precision).Products;
        Linear up = _parameters.Network.Encoder.Layers[0].Up;
        _panels = new PackedLinear(products, [new PackedLinear.Part(up, 0, Outputs)], Inputs);
        _transposed = new PackedTransposed(products, [up], Outputs, Inputs);
    }

    [Benchmark]
    public void Forward() => _panels.Fill(0, _panels.Panels);

    [Benchmark]
    public void Backward() => _transposed.Fill(_device.Pool.All, 0);

    public Work? WorkOf(string benchmark) =>
        new Work(0, (sizeof(float) + ProductKernels.For(CpuTiers.InForce(), Precision).Size) * (double)Outputs * Inputs, Memory: Memory.Dram);
}
