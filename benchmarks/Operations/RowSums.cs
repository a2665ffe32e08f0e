using BenchmarkDotNet.Attributes;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Cpu.Training;
using MiniLM.Training;

namespace Operations;

/// <summary>What training does to 128 rows of 384 between its products.</summary>
public unsafe class RowSums : IMeasured
{
    private const int Rows = 128, Width = 384;
    private const double Values = (double)Rows * Width;

    private readonly DropoutMask _mask = new(1, 2, DropoutSite.AttentionOutput, 3, .1f);
    private NativeBlock _x = null!, _y = null!, _sums = null!;

    [GlobalSetup]
    public void Setup() => (_x, _y, _sums) = (Blocks.Random(Rows * Width), Blocks.Random(Rows * Width, 2), new NativeBlock(Width));

    /// <summary>Forward and backward are the same.</summary>
    [Benchmark]
    public void Dropout()
    {
        for (int row = 0; row < Rows; row++) { DropoutRows.Apply(_mask, row, 0, _x.Floats + row * Width, Width); }
    }

    [Benchmark]
    public void Residual() => GroupSums.Add(_x.Floats, _y.Floats, Rows * Width);

    [Benchmark]
    public void BiasSums() => GroupSums.AddRows(_x.Floats, Width, Rows, Width, _sums.Floats);

    public Work? WorkOf(string benchmark) => benchmark switch
    {
        nameof(Dropout) => new Work(Values, 8 * Values),
        nameof(Residual) => new Work(Values, 12 * Values),
        _ => new Work(Values, 4 * Values),
    };
}
