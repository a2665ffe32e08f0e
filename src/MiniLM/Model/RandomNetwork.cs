using System.Runtime.InteropServices;
using MiniLM.Batching;
using MiniLM.Weights;

namespace MiniLM.Model;

/// <summary>A small encoder with seeded random weights, of any shape: what devices are tested and measured with where there is no model.</summary>
internal sealed unsafe class RandomNetwork : IDisposable
{
    private readonly List<GCHandle> _pinned = [];
    private readonly Random _random = new(7);
    private readonly float _biases;

    /// <param name="hidden">Width of a row.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="inner">Width of the feed-forward layer.</param>
    /// <param name="layers">Layers.</param>
    /// <param name="activation">The feed-forward layer's.</param>
    /// <param name="biases">Magnitude of biases.</param>
    /// <param name="relativeBias">Whether it is an MPNet: with a bias for distances, and without token types.</param>
    internal RandomNetwork(int hidden, int heads, int inner, int layers, Activation activation = Activation.Gelu, float biases = 0.1f,
        bool relativeBias = false)
    {
        _biases = biases;
        EncoderConfig config = new(relativeBias ? Architecture.Mpnet : Architecture.Bert, 60, hidden, layers, heads, inner,
            activation, 600, relativeBias ? 0 : 2, 1e-12f);
        LayerWeights Layer() => new(Linear(hidden, hidden), Linear(hidden, hidden), Linear(hidden, hidden), Linear(hidden, hidden), Norm(hidden),
            Linear(inner, hidden), Linear(hidden, inner), Norm(hidden));
        EncoderWeights encoder = new(Tensor([60, hidden], 1), Tensor([600, hidden], 1), relativeBias ? null : Tensor([2, hidden], 1), Norm(hidden),
            [.. Enumerable.Range(0, layers).Select(_ => Layer())], relativeBias ? Tensor([32, heads], 1) : null);
        Network = new Network(config, encoder, [PoolingMode.Mean], [new NormalizeModule()]);
    }

    internal Network Network { get; }

    /// <summary>A linear layer of random weights, for a head.</summary>
    internal Linear Linear(int outputs, int inputs) => new(Tensor([outputs, inputs], (float)(1 / Math.Sqrt(inputs))), Tensor([outputs], _biases));

    private Norm Norm(int hidden) => new(Tensor([hidden], 0.2f, 1), Tensor([hidden], 0.1f));

    /// <summary>Random values, within <paramref name="scale"/> of <paramref name="around"/>.</summary>
    internal Tensor Tensor(long[] shape, float scale, float around = 0)
    {
        float[] values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        foreach (ref float value in values.AsSpan()) { value = around + scale * (2 * _random.NextSingle() - 1); }
        return Pin(values, ElementType.F32, shape);
    }

    /// <summary>The network as a file of F16 or BF16 has it.</summary>
    internal Network As(ElementType storage) => Network.With(tensor => Pin(
        Array.ConvertAll(tensor.ToFloats(),
            value => storage == ElementType.F16 ? BitConverter.HalfToUInt16Bits((Half)value) : FloatConversion.ToBFloat16(value)),
        storage, [.. tensor.Shape]));

    private Tensor Pin<T>(T[] values, ElementType storage, long[] shape) where T : unmanaged
    {
        GCHandle handle = GCHandle.Alloc(values, GCHandleType.Pinned);
        _pinned.Add(handle);
        return new Tensor("random", storage, shape, (byte*)handle.AddrOfPinnedObject(), values.Length * (long)sizeof(T), "memory");
    }

    /// <summary>Sequences of random tokens and types, without special ones.</summary>
    internal static PackedBatch Batch(EncoderConfig config, int[] lengths, int seed)
    {
        Random random = new(seed);
        PackedBatch batch = new();
        foreach (int length in lengths)
        {
            int[] ids = [.. Enumerable.Range(0, length).Select(_ => random.Next(2, config.VocabSize))];
            batch.Add(ids, [.. ids.Select(_ => (byte)random.Next(Math.Max(1, config.TypeVocabSize)))], config.Architecture);
        }
        return batch;
    }

    public void Dispose()
    {
        foreach (GCHandle handle in _pinned) { handle.Free(); }
    }
}
