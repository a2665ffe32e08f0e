using BenchmarkDotNet.Attributes;
using MiniLM.Compute;
using MiniLM.Cpu;

namespace Operations;

/// <summary>One strip of rows by six panels of 32 outputs, 384 inputs: what every product is made of, by height and what becomes of the sums.</summary>
public unsafe class ProductStrips : IMeasured
{
    private const int Inputs = 384, Panels = 6, Outputs = Panels * Gemm.Columns;

    private ProductKernels _products = null!;
    private NativeBlock _a = null!, _b = null!, _c = null!, _start = null!, _residual = null!;
    private Epilogue _epilogue;
    private Store _store;

    [Params(Precision.Float32, Precision.BFloat16, Precision.Float16)]
    public Precision Precision { get; set; }

    [Params(nameof(Epilogue.None), nameof(Epilogue.Gelu), nameof(Epilogue.GeluTanh), nameof(Epilogue.Relu),
        nameof(Epilogue.AddResidual), nameof(Epilogue.ScaleRow))]
    public string Then { get; set; } = "";

    [ParamsSource(nameof(Heights))]
    public int Rows { get; set; }

    public static IEnumerable<int> Heights
    {
        get
        {
            int tallest = ProductKernels.For(CpuTiers.InForce()).Tallest;
            return [1, tallest / 2, tallest];
        }
    }

    [GlobalSetup]
    public void Setup()
    {
        Choose();
        _a = Blocks.Operands(_products, Rows * Inputs);
        _b = Blocks.Operands(_products, Inputs * Outputs, 2);
        (_c, _start, _residual) = (new NativeBlock(Rows * Outputs), Blocks.Random(Outputs, 3), Blocks.Random(Rows * Outputs, 4));
    }

    // As the network stores them: sums with a residual are floats, the others operands of the next product.
    private void Choose()
    {
        _products = ProductKernels.For(CpuTiers.InForce(), Precision);
        _epilogue = Enum.Parse<Epilogue>(Then);
        _store = _epilogue == Epilogue.AddResidual ? Store.Float32 : Store.Operand;
    }

    [Benchmark]
    public void Strip()
    {
        int size = _products.SizeOf(_store);
        GemmCall call = new()
        {
            A = _a.Floats,
            AStride = Inputs * _products.Size,
            B = _b.Floats,
            K = Inputs / _products.Group,
            Panels = Panels,
            C = _c.Floats,
            CStride = Outputs * size,
            CPanel = Gemm.Columns * size,
            Start = _start.Floats,
            Residual = _residual.Floats,
            ResidualStride = Outputs * sizeof(float),
            RowScale = _start.Floats,
        };
        _products.GemmStrip(_epilogue, _store, &call, Rows);
    }

    public Work? WorkOf(string benchmark)
    {
        Choose();
        int result = _products.SizeOf(_store) + (_epilogue == Epilogue.AddResidual ? sizeof(float) : 0);
        return new Work(2.0 * Rows * Inputs * Outputs, _products.Size * (Rows + Outputs) * Inputs + (double)result * Rows * Outputs, Precision);
    }
}
