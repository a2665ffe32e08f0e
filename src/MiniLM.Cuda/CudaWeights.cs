using System.Runtime.InteropServices;
using MiniLM.Compute;
using MiniLM.Kernels;
using MiniLM.Model;
using MiniLM.Weights;

namespace MiniLM.Cuda;

/// <summary>A matrix on the GPU: [outputs, inputs] padded, and its fp32 bias.</summary>
internal readonly record struct CudaLinear(ulong Weight, ulong Bias, int Outputs, int Inputs)
{
    /// <summary>Places within an arena as addresses.</summary>
    internal CudaLinear From(ulong origin) => this with { Weight = origin + Weight, Bias = origin + Bias };
}

/// <summary>Where the copy of a weight lies that kernels read.</summary>
/// <param name="Address">Of its first value.</param>
/// <param name="Stride">Bytes from a row to the next; of a vector its own length.</param>
/// <param name="IsWide">Whether it is fp32 whatever the storage.</param>
internal readonly record struct CudaPlace(ulong Address, uint Stride, bool IsWide);

/// <summary>LayerNorm's vectors on the GPU, fp32, padded with zeros.</summary>
internal readonly record struct CudaNorm(ulong Gamma, ulong Beta)
{
    /// <inheritdoc cref="CudaLinear.From"/>
    internal CudaNorm From(ulong origin) => new(origin + Gamma, origin + Beta);
}

/// <summary>One layer on the GPU; query, key and value are one matrix.</summary>
internal readonly record struct CudaLayer(CudaLinear QueryKeyValue, CudaLinear AttentionOutput, CudaNorm AttentionNorm, CudaLinear Up,
    CudaLinear Down, CudaNorm OutputNorm)
{
    /// <inheritdoc cref="CudaLinear.From"/>
    internal CudaLayer From(ulong origin) =>
        new(QueryKeyValue.From(origin), AttentionOutput.From(origin), AttentionNorm.From(origin), Up.From(origin), Down.From(origin), OutputNorm.From(origin));
}

/// <summary>All weights of a network in one allocation, in the plan's storage, rows padded to its tiles.</summary>
internal sealed unsafe class CudaWeights : IDisposable
{
    private const int StagingBytes = 8 << 20;

    private readonly CudaDevice _device;
    private readonly CudaPlan _plan;
    private readonly GpuArena _arena;
    private readonly List<Action<ulong>> _fill = []; // given the staging buffer, once memory is there
    private readonly Dictionary<Tensor, CudaPlace> _places = [];

    internal CudaWeights(CudaDevice device, CudaPlan plan, Network network)
    {
        (_device, _plan, _arena) = (device, plan, new GpuArena(device.Gpu));
        EncoderWeights encoder = network.Encoder;
        ulong words = Table(encoder.WordEmbeddings), positions = Table(encoder.PositionEmbeddings);
        ulong? types = encoder.TokenTypeEmbeddings is { } table ? Table(table) : null;
        CudaNorm norm = Plan(encoder.EmbeddingNorm);
        CudaLayer[] layers = [.. encoder.Layers.Select(Plan)];
        ulong? bias = encoder.RelativeAttentionBias is { } relative ? Vector(RelativeBias(relative)) : null;
        CudaLinear[] head = [.. network.Head.OfType<DenseModule>().Select(module => Dense(module.Linear))];
        long staging = _arena.Plan(StagingBytes);
        _arena.Commit();
        try
        {
            foreach (Action<ulong> fill in _fill)
            {
                device.Gpu.Cancellation.ThrowIfCancellationRequested();
                fill(_arena.At(staging));
            }
            device.Gpu.Synchronize();
        }
        catch
        {
            _arena.Dispose();
            throw;
        }
        ulong origin = _arena.At(0);
        (Words, Positions, Types, Bias) = (origin + words, origin + positions, origin + types ?? 0, origin + bias ?? 0);
        (EmbeddingNorm, Layers, Head) = (norm.From(origin), [.. layers.Select(layer => layer.From(origin))], [.. head.Select(linear => linear.From(origin))]);
    }

    internal long Bytes => _arena.Bytes;

    /// <summary>The copy of each weight but the relative bias.</summary>
    internal CudaPlace Place(Tensor tensor) => _places[tensor] with { Address = _arena.At(0) + _places[tensor].Address };

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

    /// <summary>The bucket of each distance of <see cref="Bias"/>.</summary>
    internal static int[] Buckets { get; } = [.. Enumerable.Range(-Farthest, BiasWidth).Select(MpnetBuckets.Of)];

    private static float[] RelativeBias(Tensor bias)
    {
        float[] values = bias.ToFloats();
        int heads = (int)bias.Shape[1];
        float[] table = new float[heads * BiasWidth];
        for (int i = 0; i < table.Length; i++) { table[i] = values[Buckets[i % BiasWidth] * heads + i / BiasWidth] * (float)(1 / Math.Log(2)); }
        return table;
    }

    private CudaLayer Plan(LayerWeights layer)
    {
        CudaLinear queryKeyValue = Linear([layer.Query, layer.Key, layer.Value], _plan.Hidden, _plan.Hidden);
        CudaLinear output = Linear([layer.AttentionOutput], _plan.Hidden, _plan.Hidden), up = Linear([layer.Up], _plan.Inner, _plan.Hidden),
            down = Linear([layer.Down], _plan.Hidden, _plan.Inner);
        return new CudaLayer(queryKeyValue, output, Plan(layer.AttentionNorm), up, down, Plan(layer.OutputNorm));
    }

    private CudaNorm Plan(Norm norm) => new(Vectors([norm.Gamma], _plan.Hidden), Vectors([norm.Beta], _plan.Hidden));

    /// <summary>Matrices below each other, each padded to [outputs, inputs]; a multiple of the arena's alignment, so no gap is between them.</summary>
    private CudaLinear Linear(Linear[] parts, int outputs, int inputs)
    {
        ulong[] matrices = [.. parts.Select(part => Matrix(part.Weight, outputs, inputs, _plan.Suffix, _plan.ElementBytes))];
        return new CudaLinear(matrices[0], Vectors([.. parts.Select(part => part.Bias)], outputs), outputs * parts.Length, inputs);
    }

    private CudaLinear Dense(Linear linear)
    {
        int outputs = CudaPlan.HeadWidth(linear.Outputs), inputs = CudaPlan.HeadWidth(linear.Inputs);
        return new CudaLinear(Matrix(linear.Weight, outputs, inputs, "F32", sizeof(float)), Vectors([linear.Bias], outputs), outputs, inputs);
    }

    private ulong Table(Tensor tensor) => Matrix(tensor, (int)tensor.Shape[0], _plan.Hidden, _plan.Suffix, _plan.ElementBytes);

    /// <summary>Room for a tensor as [rows, columns] in a storage; further rows and columns stay zero.</summary>
    private ulong Matrix(Tensor tensor, int rows, int columns, string suffix, int elementBytes)
    {
        long at = _arena.Plan((long)rows * columns * elementBytes);
        _places[tensor] = new CudaPlace((ulong)at, (uint)(columns * elementBytes), elementBytes == sizeof(float));
        _fill.Add(staging => Fill(tensor, _arena.At(at), columns, suffix, elementBytes, staging));
        return (ulong)at;
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
            ConvertArguments arguments = new()
            {
                X = staging,
                Y = to + (ulong)((long)row * columns * elementBytes),
                StrideX = (uint)stride,
                StrideY = (uint)(columns * elementBytes),
                Width = (uint)width,
                Padded = (uint)columns,
            };
            _device.Launcher.Convert($"Convert{from}To{suffix}", arguments, count);
        }
    }

    private ulong Vector(float[] values)
    {
        long at = _arena.Plan(values.Length * (long)sizeof(float));
        _fill.Add(_ => _device.Gpu.Upload(_arena.At(at), MemoryMarshal.AsBytes<float>(values)));
        return (ulong)at;
    }

    /// <summary>Vectors behind each other, each padded with zeros; one that is missing is all zeros.</summary>
    private ulong Vectors(Tensor?[] parts, int padded)
    {
        float[] values = new float[parts.Length * padded];
        for (int i = 0; i < parts.Length; i++) { parts[i]?.ToFloats().CopyTo(values, i * padded); }
        ulong at = Vector(values);
        for (int i = 0; i < parts.Length; i++)
        {
            if (parts[i] is { } part) { _places[part] = new CudaPlace(at + (ulong)(i * padded) * sizeof(float), (uint)padded * sizeof(float), IsWide: true); }
        }
        return at;
    }

    public void Dispose() => _arena.Dispose();
}
