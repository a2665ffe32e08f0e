using System.Numerics;
using MiniLM.Batching;
using MiniLM.Model;
using MiniLM.Weights;

namespace MiniLM.Compute.Reference;

/// <summary>The definition of the model: every step in order, one sequence at a time, in float or double.</summary>
/// <param name="network">The weights.</param>
/// <param name="observe">Told of each intermediate value: layer, name as in the golden files, row-major values. Null outside tests.</param>
internal sealed class ReferenceNetwork<T>(Network network, Action<int, string, T[]>? observe = null) : DeviceNetwork(network)
    where T : IBinaryFloatingPointIeee754<T>
{
    private readonly Dictionary<Tensor, T[]> _weights = [];

    protected override void ForwardChecked(PackedBatch batch, Span<float> output, CancellationToken cancellation)
    {
        for (int sequence = 0; sequence < batch.Sequences; sequence++)
        {
            T[] row = Head(batch, sequence, Encode(batch, sequence, Network.Config.NumHiddenLayers, cancellation), cancellation);
            Narrow(row, output.Slice(sequence * row.Length, row.Length));
        }
    }

    protected override void HiddenChecked(PackedBatch batch, int layers, Span<float> hidden, CancellationToken cancellation)
    {
        for (int sequence = 0; sequence < batch.Sequences; sequence++)
        {
            T[] rows = Encode(batch, sequence, layers, cancellation);
            Narrow(rows, hidden.Slice(batch.Offsets[sequence] * Network.Config.HiddenSize, rows.Length));
        }
    }

    /// <summary>[length, hidden] after <paramref name="layers"/> layers.</summary>
    internal T[] Encode(PackedBatch batch, int sequence, int layers, CancellationToken cancellation = default)
    {
        int from = batch.Offsets[sequence], length = batch.Length(sequence);
        T[] x = Embed(batch, from, length);
        T[] bias = Network.Encoder.RelativeAttentionBias is { } table ? Values(table) : [];
        for (int layer = 0; layer < layers; layer++)
        {
            x = Layer(layer, x, length, bias, batch.Columns.AsSpan(from, length), cancellation);
        }
        return x;
    }

    private T[] Embed(PackedBatch batch, int from, int length)
    {
        EncoderWeights weights = Network.Encoder;
        int hidden = Network.Config.HiddenSize;
        T[] words = Values(weights.WordEmbeddings), positions = Values(weights.PositionEmbeddings);
        T[] types = weights.TokenTypeEmbeddings is { } table ? Values(table) : [];
        T[] x = new T[length * hidden];
        for (int i = 0; i < length; i++)
        {
            for (int d = 0; d < hidden; d++)
            {
                x[i * hidden + d] = words[batch.TokenIds[from + i] * hidden + d] + positions[batch.Positions[from + i] * hidden + d];
                if (types.Length > 0) { x[i * hidden + d] += types[batch.TypeIds[from + i] * hidden + d]; }
            }
        }
        Normalize(x, weights.EmbeddingNorm);
        return x;
    }

    private T[] Layer(int index, T[] x, int length, T[] bias, ReadOnlySpan<int> columns, CancellationToken cancellation)
    {
        LayerWeights layer = Network.Encoder.Layers[index];
        int heads = Network.Config.NumAttentionHeads;
        T[] query = Apply(layer.Query, x, cancellation), key = Apply(layer.Key, x, cancellation), value = Apply(layer.Value, x, cancellation);
        T[] scores = new T[heads * length * length], probabilities = new T[scores.Length], context = new T[x.Length];
        SelfAttention.Forward<T>(query, key, value, heads, bias, columns, scores, probabilities, context, cancellation);
        T[] dense = Apply(layer.AttentionOutput, context, cancellation);
        T[] attention = Add(x, dense);
        Normalize(attention, layer.AttentionNorm);
        T[] up = Apply(layer.Up, attention, cancellation), activated = [.. up];
        Activations.Forward<T>(Network.Config.HiddenAct, activated);
        T[] down = Apply(layer.Down, activated, cancellation);
        T[] y = Add(attention, down);
        Normalize(y, layer.OutputNorm);
        if (observe is not null)
        {
            (string, T[])[] seen = [("q", query), ("k", key), ("v", value), ("scores", scores), ("probs", probabilities), ("context", context),
                ("attention_dense", dense),
                ("attention_ln", attention), ("ffn_up", up), ("ffn_act", activated), ("ffn_down", down), ("output", y)];
            foreach ((string name, T[] values) in seen) { observe(index, name, values); }
        }
        return y;
    }

    /// <summary>Pooling, then the modules behind it.</summary>
    internal T[] Head(PackedBatch batch, int sequence, T[] rows, CancellationToken cancellation = default)
    {
        int hidden = Network.Config.HiddenSize, skip = Math.Min(batch.PromptRows, batch.Length(sequence) - 1);
        ReadOnlySpan<int> columns = batch.Columns.AsSpan(batch.Offsets[sequence] + skip, batch.Length(sequence) - skip);
        T[] y = new T[Network.PooledSize];
        for (int mode = 0; mode < Network.Pooling.Length; mode++)
        {
            Pooling.Forward<T>(Network.Pooling[mode], rows.AsSpan(skip * hidden), columns, y.AsSpan(mode * hidden, hidden));
        }
        foreach (HeadModule module in Network.Head)
        {
            if (module is DenseModule dense)
            {
                y = Apply(dense.Linear, y, cancellation);
                Activations.Forward<T>(dense.Activation, y);
            }
            else { Reference.Normalize.Forward<T>(y); }
        }
        return y;
    }

    private T[] Apply(Linear linear, T[] x, CancellationToken cancellation)
    {
        T[] weight = Values(linear.Weight), bias = linear.Bias is { } tensor ? Values(tensor) : [];
        T[] y = new T[x.Length / linear.Inputs * linear.Outputs];
        for (int row = 0; row < x.Length / linear.Inputs; row++) // a row is some milliseconds of scalar code
        {
            cancellation.ThrowIfCancellationRequested();
            Dense.Forward<T>(x.AsSpan(row * linear.Inputs, linear.Inputs), weight, bias, linear.Inputs, y.AsSpan(row * linear.Outputs, linear.Outputs));
        }
        return y;
    }

    private void Normalize(T[] x, Norm norm) =>
        LayerNorm.Forward<T>(x, Values(norm.Gamma), Values(norm.Beta), T.CreateChecked(Network.Config.LayerNormEps), x);

    private static T[] Add(T[] a, T[] b)
    {
        T[] sum = new T[a.Length];
        for (int i = 0; i < a.Length; i++) { sum[i] = a[i] + b[i]; }
        return sum;
    }

    private T[] Values(Tensor tensor)
    {
        lock (_weights)
        {
            if (!_weights.TryGetValue(tensor, out T[]? values))
            {
                _weights[tensor] = values = Array.ConvertAll(tensor.ToFloats(), value => T.CreateChecked(value));
            }
            return values;
        }
    }

    /// <summary>Nothing: arrays are the collector's.</summary>
    protected override void Free()
    {
    }

    private static void Narrow(ReadOnlySpan<T> from, Span<float> to)
    {
        for (int i = 0; i < from.Length; i++) { to[i] = float.CreateChecked(from[i]); }
    }
}
