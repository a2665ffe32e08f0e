using System.Runtime.InteropServices;
using MiniLM.Cuda.Driver;
using MiniLM.Kernels;

namespace MiniLM.Cuda;

/// <summary>The kernels of one GPU, loaded when they are first launched.</summary>
/// <param name="gpu">Stays the caller's.</param>
/// <param name="ptx">A kernel's text by its name; null: the committed one.</param>
internal sealed partial class KernelLauncher(Gpu gpu, Func<string, string>? ptx = null) : IDisposable
{
    private readonly Func<string, string> _ptx = ptx ?? KernelInfo.Ptx;
    private readonly Dictionary<string, (KernelInfo Info, GpuKernel Kernel)> _loaded = [];

    /// <summary>One of the GEMM kernels over <paramref name="columns"/> (a multiple of its tile) and <paramref name="depth"/>.</summary>
    internal void Gemm(string name, GemmArguments arguments, int columns, int depth) => Gemm(name, ref arguments, ref arguments, columns, depth);

    /// <param name="name">Kernel.</param>
    /// <param name="arguments">All that it takes.</param>
    /// <param name="product">In them: the product, whose steps are set here.</param>
    /// <param name="columns">A multiple of the tile.</param>
    /// <param name="depth">A multiple of the tile.</param>
    private void Gemm<T>(string name, ref T arguments, ref GemmArguments product, int columns, int depth) where T : unmanaged
    {
        (KernelInfo info, GpuKernel kernel) = Get(name);
        product.Steps = (uint)(depth / info.TileDepth);
        Launch(kernel, Shape(info, Tiles(columns, info.TileColumns), Tiles((int)product.Rows, info.TileRows)), Bytes(ref arguments));
    }

    /// <summary>One of the embedding kernels: a warp a row.</summary>
    internal void Embedding(string name, EmbeddingArguments arguments) =>
        Rows(name, ref arguments, (int)arguments.Norm.Rows, units: (int)arguments.Norm.Padded);

    /// <summary>One of the LayerNorm kernels: a warp a row.</summary>
    internal void LayerNorm(string name, LayerNormArguments arguments) => Rows(name, ref arguments, (int)arguments.Rows, units: (int)arguments.Padded);

    /// <summary>One of the pooling kernels: a thread a column of a sequence.</summary>
    internal void Pooling(string name, PoolingArguments arguments, int sequences) => Rows(name, ref arguments, sequences, (int)arguments.Width);

    /// <summary>The kernel that makes rows of length 1: a warp a row.</summary>
    internal void Normalize(NormalizeArguments arguments) => Rows("NormalizeF32", ref arguments, (int)arguments.Rows);

    /// <summary>One of the conversions: a thread an element.</summary>
    internal void Convert(string name, ConvertArguments arguments, int rows) => Rows(name, ref arguments, rows, (int)arguments.Padded);

    /// <summary>The best of each row of scores: a block a row.</summary>
    internal void TopK(TopKArguments arguments, int rows) => Rows("TopKF32", ref arguments, rows);

    private void Rows<T>(string name, ref T arguments, int rows, int columns = 1, int units = 0) where T : unmanaged
    {
        (KernelInfo info, GpuKernel kernel) = Get(name);
        LaunchShape shape = Shape(info, Tiles(rows, Math.Max(1, info.TileRows)), Tiles(columns, Math.Max(1, info.TileColumns)), units);
        Launch(kernel, shape, Bytes(ref arguments));
    }

    /// <summary>One of the attention kernels.</summary>
    /// <param name="name">Kernel.</param>
    /// <param name="arguments">Tensors and sizes.</param>
    /// <param name="blocks">Query tiles or sequences.</param>
    /// <param name="heads">Heads, times the pieces of each.</param>
    internal void Attention(string name, AttentionArguments arguments, int blocks, int heads) =>
        Blocks(name, ref arguments, blocks, heads, (int)arguments.ResidentKeys);

    private void Blocks<T>(string name, ref T arguments, int x, int y, int units = 0) where T : unmanaged
    {
        (KernelInfo info, GpuKernel kernel) = Get(name);
        Launch(kernel, Shape(info, (uint)x, (uint)y, units), Bytes(ref arguments));
    }

    /// <summary>Told of each launch, with marks before and after it for <see cref="Gpu.Elapsed"/>; null: launches are not marked.</summary>
    internal Action<GpuKernel, LaunchShape, nint, nint>? Launched { get; set; }

    private void Launch(GpuKernel kernel, LaunchShape shape, ReadOnlySpan<byte> arguments)
    {
        gpu.Cancellation.ThrowIfCancellationRequested();
        nint start = Launched is null ? 0 : gpu.RecordEvent();
        gpu.Launch(kernel, shape, arguments);
        Launched?.Invoke(kernel, shape, start, gpu.RecordEvent());
    }

    /// <summary>Compiles a kernel before it is first launched.</summary>
    /// <exception cref="KernelRefusedException">The driver does not take it.</exception>
    internal void Prepare(string name) => Get(name);

    /// <summary>Compiles a kernel once more, for whoever looks at it; the caller's.</summary>
    /// <exception cref="KernelRefusedException">The driver does not take it.</exception>
    internal GpuKernel Load(string name) => gpu.Load(name, _ptx(name));

    /// <summary>Kernels that were compiled to be launched.</summary>
    internal IReadOnlyCollection<string> Loaded => _loaded.Keys;

    private (KernelInfo Info, GpuKernel Kernel) Get(string name)
    {
        if (_loaded.TryGetValue(name, out var known)) { return known; }
        KernelInfo info = KernelInfo.All[name];
        return _loaded[name] = (info, Load(name));
    }

    private static uint Tiles(int count, int tile) => (uint)((count + tile - 1) / tile);

    private static LaunchShape Shape(KernelInfo info, uint x, uint y, int units = 0) =>
        new(x, y, (uint)info.Threads, (uint)(info.SharedBytes + info.SharedBytesPerUnit * units));

    private static ReadOnlySpan<byte> Bytes<T>(ref T arguments) where T : unmanaged =>
        MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref arguments, 1));

    public void Dispose()
    {
        foreach ((_, GpuKernel kernel) in _loaded.Values) { kernel.Dispose(); }
        _loaded.Clear();
    }
}
