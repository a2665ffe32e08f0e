using System.Diagnostics;
using MiniLM.Compute;
using MiniLM.Cpu.Jit;

namespace MiniLM.Cpu;

/// <summary>What a product's sums become on their way to memory.</summary>
internal enum Store
{
    /// <summary>Floats: for residuals, scores and gradients.</summary>
    Float32,

    /// <summary>What the next product reads.</summary>
    Operand,
}

/// <summary>The matrix products of one tier and precision, and the form of their operands. Sums are floats in every one.</summary>
/// <remarks>
/// A is read in place, <see cref="Group"/> neighbours of k in 32 bits; B lies in panels of 32 columns, [panel][K / group][32][group].
/// Operands of bfloat16 and float16 are rounded to nearest, ties to even; nothing else is.
/// </remarks>
internal abstract unsafe class ProductKernels
{
    /// <summary>By tier and precision, as they are first asked for. Tests put in AVX-512's where the processor has none.</summary>
    internal static readonly ProductKernels?[,] Made = new ProductKernels?[Enum.GetValues<CpuTier>().Length, Enum.GetValues<Precision>().Length];

    /// <summary>Most rows of one GEMM strip.</summary>
    internal abstract int Tallest { get; }

    /// <summary>Channels of an outer product that are computed at once.</summary>
    internal abstract int OuterChannels { get; }

    /// <summary>Bytes of an operand: 4, or 2.</summary>
    internal virtual int Size => sizeof(float);

    /// <summary>Neighbours of k that lie in 32 bits and are multiplied at once.</summary>
    internal int Group => sizeof(float) / Size;

    /// <summary>Bytes of a result.</summary>
    internal int SizeOf(Store store) => store == Store.Operand ? Size : sizeof(float);

    /// <summary>Operands are the floats themselves: nothing is rounded, so nothing is copied.</summary>
    internal virtual bool IsExact => true;

    /// <param name="epilogue">What becomes of the sums.</param>
    /// <param name="store">In which form they are kept.</param>
    /// <param name="call">K counted in groups.</param>
    /// <param name="rows">At most <see cref="Tallest"/>.</param>
    internal abstract void GemmStrip(Epilogue epilogue, Store store, GemmCall* call, int rows);

    /// <summary>c[channel, column] += sum over rows of a[row, channel] b[row, column]; of 16 bits two rows lie side by side (<see cref="PairRows"/>) and count
    /// as one. See <see cref="OuterProduct"/>.</summary>
    /// <param name="a">[rows, channels], <paramref name="aStride"/> floats apart.</param>
    /// <param name="aStride">At least channels.</param>
    /// <param name="channels">Rows of c.</param>
    /// <param name="b">[rows, columns rounded up to 32], <paramref name="bStride"/> floats apart.</param>
    /// <param name="bStride">At least columns, rounded up to 32.</param>
    /// <param name="columns">Of c.</param>
    /// <param name="rows">Summed over.</param>
    /// <param name="c">[channels, columns], <paramref name="cStride"/> floats apart.</param>
    /// <param name="cStride">At least columns.</param>
    internal abstract void AddOuter(float* a, nint aStride, int channels, float* b, nint bStride, int columns, int rows, float* c, nint cStride);

    /// <summary>A row of floats as operands.</summary>
    /// <param name="from">[count].</param>
    /// <param name="to">[count]; may be <paramref name="from"/> where operands have four bytes, and is it where they are exact: nothing moves.</param>
    /// <param name="count">A multiple of 32.</param>
    internal virtual void Convert(float* from, void* to, int count) => Debug.Assert(from == to);

    internal static ProductKernels For(CpuTier tier, Precision precision = Precision.Float32) => Made[(int)tier, (int)precision] ??= precision switch
    {
        Precision.Float32 => tier switch
        {
            CpuTier.Avx512 => new Avx512Products(Dot.Float32),
            CpuTier.Avx2 => new LanesProducts<Lanes256>(),
            CpuTier.Vector128 => new LanesProducts<Lanes128>(),
            _ => new LanesProducts<Lanes1>(),
        },
        Precision.BFloat16 when tier == CpuTier.Avx512 && CpuTiers.HasBFloat16 => new Avx512Products(Dot.BFloat16),
        _ => new RoundedProducts(For(tier), precision),
    };

    /// <summary>rows x matrix, panels [first, end), <see cref="Together"/> at a time: those stay in L2 while the strips of A pass over them.</summary>
    /// <remarks>Pointers in <paramref name="arguments"/> are those of row 0 and panel 0. Strips have equal heights, give or take one.</remarks>
    internal void Gemm(Epilogue epilogue, Store store, in GemmCall arguments, int rows, int first, int end)
    {
        Debug.Assert(arguments.A != null && arguments.B != null && arguments.C != null && arguments.K > 0);
        Debug.Assert(rows >= 0 && first >= 0 && end >= first);
        Debug.Assert(epilogue != Epilogue.AddResidual || arguments.Residual != null);
        Debug.Assert(epilogue != Epilogue.ScaleRow); // attention's, strip by strip
        int strips = (rows + Tallest - 1) / Tallest;
        for (int panel = first; panel < end; panel += Together)
        {
            for (int strip = 0; strip < strips; strip++)
            {
                int row = StripStart(rows, strip, strips), next = StripStart(rows, strip + 1, strips), column = panel * Cpu.Gemm.Columns;
                GemmCall call = arguments;
                call.A = (byte*)arguments.A + row * arguments.AStride;
                call.B = (byte*)arguments.B + panel * arguments.K * Cpu.Gemm.Columns * sizeof(float); // a group has 32 bits
                call.C = (byte*)arguments.C + row * arguments.CStride + panel * arguments.CPanel;
                call.Start = arguments.Start == null ? null : arguments.Start + column;
                call.Residual = (float*)((byte*)arguments.Residual + row * arguments.ResidualStride) + column;
                call.Panels = Math.Min(Together, end - panel);
                GemmStrip(epilogue, store, &call, next - row);
            }
        }
    }

    private const int Together = 6;

    internal static int StripStart(int rows, int strip, int strips) => (int)((long)rows * strip / strips);
}

/// <summary>Float32 in C# vectors of one width.</summary>
internal unsafe class LanesProducts<TLanes> : ProductKernels where TLanes : struct, ILanes<TLanes>
{
    internal override int Tallest => Cpu.Gemm.Tallest;

    internal override int OuterChannels => Cpu.Gemm.Rows;

    internal override void GemmStrip(Epilogue epilogue, Store store, GemmCall* call, int rows) => Cpu.Gemm.Strip<TLanes>(epilogue, call, rows);

    internal override void AddOuter(float* a, nint aStride, int channels, float* b, nint bStride, int columns, int rows, float* c, nint cStride) =>
        OuterProduct.Add<TLanes>(a, aStride, channels, b, bStride, columns, rows, c, cStride);
}

/// <summary>Float32 or bfloat16, assembled for AVX-512.</summary>
internal unsafe class Avx512Products(Dot dot) : ProductKernels
{
    // Assembled when first asked for: a short query needs five of the hundred and more, and each takes a fraction of a millisecond.
    private readonly nint[] _strips = new nint[2 * Enum.GetValues<Epilogue>().Length * (GemmAvx512.Tallest + 1)];
    private readonly nint[] _outer = new nint[OuterAvx512.Tallest + 1];
    private nint _convert;

    internal override int Tallest => GemmAvx512.Tallest;

    internal override int OuterChannels => OuterAvx512.Tallest;

    internal override int Size => sizeof(float) / dot.Group();

    internal override bool IsExact => dot == Dot.Float32;

    internal override void GemmStrip(Epilogue epilogue, Store store, GemmCall* call, int rows)
    {
        Debug.Assert(rows is > 0 and <= GemmAvx512.Tallest && call->Panels > 0); // the code counts panels down to 0
        bool narrow = store == Store.Operand && !IsExact;
        int place = (((int)epilogue * 2) + (narrow ? 1 : 0)) * (GemmAvx512.Tallest + 1) + rows;
        nint kernel = Volatile.Read(ref _strips[place]);
        if (kernel == 0) { kernel = Loaded(ref _strips[place], GemmAvx512.Assemble(rows, epilogue, OperatingSystem.IsWindows(), dot, narrow)); }
        Run(kernel, call);
    }

    // 786 KB of b: they stay in L2 while the strips of a pass over them.
    private const int ChunkRows = 512, ChunkColumns = 384;

    internal override void AddOuter(float* a, nint aStride, int channels, float* b, nint bStride, int columns, int rows, float* c, nint cStride)
    {
        OuterProduct.Check(a, aStride, channels, b, bStride, columns, rows, c, cStride);
        float* tile = stackalloc float[OuterAvx512.Tallest * OuterProduct.Columns];
        int strips = (channels + OuterAvx512.Tallest - 1) / OuterAvx512.Tallest;
        for (int first = 0; first < rows; first += ChunkRows)
        {
            for (int block = 0; block < columns; block += ChunkColumns)
            {
                int end = Math.Min(columns, block + ChunkColumns);
                for (int strip = 0; strip < strips; strip++)
                {
                    int channel = StripStart(channels, strip, strips), count = StripStart(channels, strip + 1, strips) - channel;
                    for (int column = block; column < end; column += OuterProduct.Columns)
                    {
                        var call = new OuterCall
                        {
                            A = a + first * aStride + channel,
                            AStep = aStride * sizeof(float),
                            B = b + first * bStride + column,
                            BStep = bStride * sizeof(float),
                            C = tile,
                            Rows = Math.Min(ChunkRows, rows - first),
                        };
                        OuterStrip(&call, count);
                        OuterProduct.AddTile(tile, count, Math.Min(OuterProduct.Columns, columns - column), c + channel * cStride + column, cStride);
                    }
                }
            }
        }
    }

    private void OuterStrip(OuterCall* call, int channels)
    {
        Debug.Assert(channels is > 0 and <= OuterAvx512.Tallest);
        nint kernel = Volatile.Read(ref _outer[channels]);
        if (kernel == 0) { kernel = Loaded(ref _outer[channels], OuterAvx512.Assemble(channels, OperatingSystem.IsWindows(), dot)); }
        Run(kernel, call);
    }

    internal override void Convert(float* from, void* to, int count)
    {
        if (IsExact) { base.Convert(from, to, count); return; }
        Debug.Assert(count > 0 && count % ConvertAvx512.Step == 0 && from != to);
        nint kernel = Volatile.Read(ref _convert);
        if (kernel == 0) { kernel = Loaded(ref _convert, ConvertAvx512.Assemble(OperatingSystem.IsWindows())); }
        var call = new ConvertCall { From = from, To = to, Steps = count / ConvertAvx512.Step };
        Run(kernel, &call);
    }

    private nint Loaded(ref nint place, byte[] code)
    {
        lock (_strips)
        {
            if (place == 0) { Volatile.Write(ref place, Load(code)); }
            return place;
        }
    }

    // Virtual for tests alone, which interpret the code where the processor has no AVX-512.
    private protected virtual nint Load(byte[] code) => ExecutableMemory.Load(code);

    private protected virtual void Run(nint kernel, void* call) => ((delegate* unmanaged<void*, void>)kernel)(call);
}

/// <summary>Operands rounded to 16 bits, kept and multiplied as floats: right everywhere, at float32's speed.</summary>
/// <remarks>A product of two such numbers is exact in float32, so that only the order of sums differs from hardware's.</remarks>
internal sealed unsafe class RoundedProducts(ProductKernels products, Precision precision) : ProductKernels
{
    internal override int Tallest => products.Tallest;

    internal override int OuterChannels => products.OuterChannels;

    internal override bool IsExact => false;

    internal override void GemmStrip(Epilogue epilogue, Store store, GemmCall* call, int rows)
    {
        GemmCall done = *call; // a strip may count its own fields down
        products.GemmStrip(epilogue, store, call, rows);
        if (store == Store.Float32) { return; }
        for (int row = 0; row < rows; row++)
        {
            for (nint panel = 0; panel < done.Panels; panel++)
            {
                float* c = (float*)((byte*)done.C + row * done.CStride + panel * done.CPanel);
                Convert(c, c, Cpu.Gemm.Columns);
            }
        }
    }

    internal override void AddOuter(float* a, nint aStride, int channels, float* b, nint bStride, int columns, int rows, float* c, nint cStride) =>
        products.AddOuter(a, aStride, channels, b, bStride, columns, rows, c, cStride);

    internal override void Convert(float* from, void* to, int count)
    {
        if (precision == Precision.Float16) { Rounding.ToFloat16(from, (float*)to, count); } else { Rounding.ToBFloat16(from, (float*)to, count); }
    }
}
