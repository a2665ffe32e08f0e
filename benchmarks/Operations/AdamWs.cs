using BenchmarkDotNet.Attributes;
using MiniLM.Compute;
using MiniLM.Training;

namespace Operations;

/// <summary>One step over some parameters: as many as L2 holds, and those of MiniLM-L6.</summary>
public unsafe class AdamWs : IMeasured
{
    private const int InCache = 1 << 14;

    private NativeBlock _values = null!, _gradients = null!, _first = null!, _second = null!;
    private int _step;

    [Params(InCache, 22_713_216)]
    public int Count { get; set; }

    [GlobalSetup]
    public void Setup() =>
        (_values, _gradients, _first, _second) = (Blocks.Random(Count), Blocks.Random(Count, 2), new NativeBlock(Count), new NativeBlock(Count));

    [Benchmark]
    public void Update()
    {
        _step = Math.Min(_step + 1, 1 << 20);
        AdamW.Update(AdamW.For<float>(new StepOptions(1e-6, .01), _step, decays: true, gradientFactor: 1), new Span<float>(_values.Floats, Count),
            new ReadOnlySpan<float>(_gradients.Floats, Count), new Span<float>(_first.Floats, Count), new Span<float>(_second.Floats, Count));
    }

    public Work? WorkOf(string benchmark) => new Work(15.0 * Count, 28.0 * Count, Memory: Count == InCache ? Memory.L2 : Memory.Dram);
}
