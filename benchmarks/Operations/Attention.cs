using BenchmarkDotNet.Attributes;
using MiniLM.Compute;
using MiniLM.Cpu;

namespace Operations;

/// <summary>One head of 32 of one sequence.</summary>
public unsafe class Attention : IMeasured
{
    private const int Head = 32;

    private CpuKernels _kernels = null!;
    private NativeBlock _query = null!, _key = null!, _value = null!, _context = null!, _dContext = null!, _dQuery = null!, _dKey = null!, _dValue = null!;
    private SelfAttention.Scratch _scratch = null!;
    private SelfAttention.BackwardScratch _backward = null!;
    private int[] _columns = [];

    [Params(Precision.Float32, Precision.BFloat16, Precision.Float16)]
    public Precision Precision { get; set; }

    [Params(16, 64, 128, 256, 512)]
    public int Length { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _kernels = CpuKernels.For(CpuTiers.InForce(), Precision);
        ProductKernels products = _kernels.Products;
        int count = Length * Head;
        (_query, _key, _value) = (Blocks.Operands(products, count), Blocks.Operands(products, count, 2), Blocks.Operands(products, count, 3));
        (_context, _dContext) = (new NativeBlock(count), Blocks.Operands(products, count, 4));
        (_dQuery, _dKey, _dValue) = (new NativeBlock(count), new NativeBlock(count), new NativeBlock(count));
        (_scratch, _backward) = (new SelfAttention.Scratch(Length, Head, products), new SelfAttention.BackwardScratch(Length, Head, products));
        _columns = [.. Enumerable.Range(0, Length)];
    }

    [Benchmark]
    public void Forward()
    {
        fixed (int* columns = _columns)
        {
            SelfAttention.Forward(_kernels, _query.Floats, _key.Floats, _value.Floats, (nint)Length * Head, Length, Head, Head, default, columns,
                _context.Floats, Head, _scratch);
        }
    }

    [Benchmark]
    public void Backward()
    {
        fixed (int* columns = _columns)
        {
            SelfAttention.Backward(_kernels, _query.Floats, _key.Floats, _value.Floats, (nint)Length * Head, Length, Head, Head, default, columns,
                default, 0, 0, _dContext.Floats, Head, _dQuery.Floats, _dKey.Floats, _dValue.Floats, Head, _backward);
        }
    }

    public Work? WorkOf(string benchmark)
    {
        double size = ProductKernels.For(CpuTiers.InForce(), Precision).Size, square = (double)Length * Length;
        return benchmark == nameof(Forward)
            ? new Work(4 * square * Head, 4 * size * Length * Head, Precision)
            : new Work(8 * square * Head, (4 * size + 3 * sizeof(float)) * Length * Head, Precision);
    }
}
