using System.Runtime.InteropServices;
using MiniLM.Kernels;
using MiniLM.Model;
using MiniLM.Weights;

namespace MiniLM.Cuda;

/// <summary>A matrix on the GPU: [outputs, inputs] padded, and its fp32 bias.</summary>
internal readonly record struct CudaLinear(ulong Weight, ulong Bias, int Outputs, int Inputs);

/// <summary>LayerNorm's vectors on the GPU, fp32, padded with zeros.</summary>
internal readonly record struct CudaNorm(ulong Gamma, ulong Beta);

/// <summary>One layer on the GPU; query, key and value are one matrix.</summary>
internal readonly record struct CudaLayer(CudaLinear QueryKeyValue, CudaLinear AttentionOutput, CudaNorm AttentionNorm, CudaLinear Up, CudaLinear Down, CudaNorm OutputNorm);

/// <summary>All weights of a network in one allocation, in the plan's storage, rows padded to its tiles.</summary>
internal sealed unsafe class CudaWeights : IDisposable
{
    private const int StagingBytes = 8 << 20;

    private readonly CudaDevice _device;
    private readonly CudaPlan _plan;
    private readonly GpuArena _arena;
    private readonly List<Action<ulong>> _fill = []; // given the staging buffer, once memory is there
    private readonly EncoderConfig _config;

    internal CudaWeights(CudaDevice device, CudaPlan plan, Network network)
    {
        (_device, _plan, _config, _arena) = (device, plan, network.Config, new GpuArena(device.Gpu));
        EncoderWeights encoder = network.Encoder;
        Func<ulong> words = Table(encoder.WordEmbeddings), positions = Table(encoder.PositionEmbeddings);
        Func<ulong> types = encoder.TokenTypeEmbeddings is { } table ? Table(table) : () => 0;
        Func<CudaNorm> norm = Plan(encoder.EmbeddingNorm);
        Func<CudaLayer>[] layers = [.. encoder.Layers.Select(Plan)];
        Func<ulong> bias = encoder.RelativeAttentionBias is { } relative ? Vector(RelativeBias(relative)) : () => 0;
        Func<CudaLinear>[] head = [.. network.Head.OfType<DenseModule>().Select(module => Dense(module.Linear))];
        long staging = _arena.Plan(StagingBytes);
        _arena.Commit();
        foreach (Action<ulong> fill in _fill) { fill(_arena.At(staging)); }
        device.Gpu.Synchronize();
        (Words, Positions, Types, EmbeddingNorm, Layers, Bias, Head) = (words(), positions(), types(), norm(), [.. layers.Select(layer => layer())], bias(), [.. head.Select(linear => linear())]);
    }

    internal ulong Words { get; }
    internal ulong Positions { get; }
    internal ulong Types { get; }
    internal CudaNorm EmbeddingNorm { get; }
    internal CudaLayer[] Layers { get; }

    /// <summary>MPNet's bias by head and distance, times log2 e; 0 without.</summary>
    internal ulong Bias { get; }

    /// <summary>Distances of a head in <see cref="Bias"/>.</summary>
    internal static int BiasWidth => 2 * Farthest + 1;

    /// <summary>The head's dense modules, fp32.</summary>
    internal CudaLinear[] Head { get; }

    private const int Farthest = 256; // beyond 128 MPNet's bucket no longer changes

    private static float[] RelativeBias(Tensor bias)
    {
        float[] values = bias.ToFloats();
        int heads = (int)bias.Shape[1];
        float[] table = new float[heads * BiasWidth];
        for (int i = 0; i < table.Length; i++)
        {
            int distance = i % BiasWidth - Farthest;
            table[i] = values[MpnetBuckets.Of(distance) * heads + i / BiasWidth] * (float)(1 / Math.Log(2));
        }
        return table;
    }

    private Func<CudaLayer> Plan(LayerWeights layer)
    {
        Func<CudaLinear> queryKeyValue = Linear([layer.Query, layer.Key, layer.Value], _plan.Hidden, _plan.Hidden);
        Func<CudaLinear> output = Linear([layer.AttentionOutput], _plan.Hidden, _plan.Hidden), up = Linear([layer.Up], _plan.Inner, _plan.Hidden), down = Linear([layer.Down], _plan.Hidden, _plan.Inner);
        Func<CudaNorm> attentionNorm = Plan(layer.AttentionNorm), outputNorm = Plan(layer.OutputNorm);
        return () => new CudaLayer(queryKeyValue(), output(), attentionNorm(), up(), down(), outputNorm());
    }

    private Func<CudaNorm> Plan(Norm norm)
    {
        Func<ulong> gamma = Vector(Padded(norm.Gamma, _plan.Hidden)), beta = Vector(Padded(norm.Beta, _plan.Hidden));
        return () => new CudaNorm(gamma(), beta());
    }

    /// <summary>Matrices below each other, each padded to [outputs, inputs].</summary>
    private Func<CudaLinear> Linear(Linear[] parts, int outputs, int inputs)
    {
        Func<ulong>[] matrices = [.. parts.Select(part => Matrix(part.Weight, outputs, inputs, _plan.Suffix, _plan.ElementBytes))];
        float[] values = [.. parts.SelectMany(part => part.Bias is { } bias ? Padded(bias, outputs) : new float[outputs])];
        Func<ulong> biases = Vector(values);
        return () => new CudaLinear(matrices[0](), biases(), outputs * parts.Length, inputs);
    }

    private Func<CudaLinear> Dense(Linear linear)
    {
        KernelInfo gemm = KernelInfo.All[CudaPlan.Dense(Activation.Identity)];
        int outputs = CudaDevice.RoundUp(linear.Outputs, gemm.TileColumns), inputs = CudaDevice.RoundUp(linear.Inputs, gemm.TileColumns);
        Func<ulong> matrix = Matrix(linear.Weight, outputs, inputs, "F32", 4), bias = Vector(linear.Bias is { } values ? Padded(values, outputs) : new float[outputs]);
        return () => new CudaLinear(matrix(), bias(), outputs, inputs);
    }

    private Func<ulong> Table(Tensor tensor) => Matrix(tensor, (int)tensor.Shape[0], _plan.Hidden, _plan.Suffix, _plan.ElementBytes);

    /// <summary>A tensor as [rows, columns] in a storage; further rows and columns stay zero.</summary>
    private Func<ulong> Matrix(Tensor tensor, int rows, int columns, string suffix, int elementBytes)
    {
        long at = _arena.Plan((long)rows * columns * elementBytes);
        _fill.Add(staging => Fill(tensor, _arena.At(at), columns, suffix, elementBytes, staging));
        return () => _arena.At(at);
    }

    private void Fill(Tensor tensor, ulong to, int columns, string suffix, int elementBytes, ulong staging)
    {
        (string from, int bytes) = tensor.ElementType switch { ElementType.F32 => ("F32", 4), ElementType.F16 => ("F16", 2), _ => ("BF16", 2) };
        int width = (int)tensor.Shape[1], stride = width * bytes, rows = (int)tensor.Shape[0];
        if (from == suffix && width == columns)
        {
            for (long start = 0; start < tensor.LengthBytes; start += StagingBytes)
            {
                _device.Gpu.Upload(to + (ulong)start, new ReadOnlySpan<byte>(tensor.Data + start, (int)Math.Min(StagingBytes, tensor.LengthBytes - start)));
            }
            return;
        }
        int most = Math.Max(1, StagingBytes / stride);
        for (int row = 0; row < rows; row += most)
        {
            int count = Math.Min(most, rows - row);
            _device.Gpu.Upload(staging, new ReadOnlySpan<byte>(tensor.Data + (long)row * stride, count * stride));
            RowArguments arguments = new()
            {
                X = staging,
                Y = to + (ulong)((long)row * columns * elementBytes),
                StrideX = (uint)stride,
                StrideY = (uint)(columns * elementBytes),
                Rows = (uint)count,
                Width = (uint)width,
                Padded = (uint)columns,
            };
            _device.Launcher.Rows($"Convert{from}To{suffix}", arguments, count, columns);
        }
    }

    private Func<ulong> Vector(float[] values)
    {
        long at = _arena.Plan(values.Length * 4L);
        _fill.Add(_ => _device.Gpu.Upload(_arena.At(at), MemoryMarshal.AsBytes<float>(values)));
        return () => _arena.At(at);
    }

    private static float[] Padded(Tensor tensor, int length)
    {
        float[] values = new float[length];
        tensor.ToFloats().CopyTo(values, 0);
        return values;
    }

    public void Dispose() => _arena.Dispose();
}
