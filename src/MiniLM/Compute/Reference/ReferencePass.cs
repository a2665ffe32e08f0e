using System.Numerics;
using MiniLM.Batching;
using MiniLM.Model;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Compute.Reference;

/// <summary>The definition of the model, forward and backward: every step in order, one sequence at a time, in float or double.</summary>
/// <param name="network">The weights' places.</param>
/// <param name="values">The values of a weight.</param>
/// <param name="observe">Told of each intermediate value: layer, name as in the golden files, row-major values. Null outside tests.</param>
internal sealed class ReferencePass<T>(Network network, Func<Tensor, T[]> values, Action<int, string, T[]>? observe = null)
    where T : IBinaryFloatingPointIeee754<T>
{
    private readonly EncoderConfig _config = network.Config;

    /// <summary>What <see cref="Backward"/> needs of one sequence's way forward.</summary>
    internal sealed class Saved
    {
        internal required int Sequence { get; init; }
        internal T[] EmbeddingSums { get; set; } = [];
        internal List<Layer> Layers { get; } = [];
        internal T[] Rows { get; set; } = [];
        internal List<(T[] Input, T[] BeforeActivation)> Head { get; } = [];
    }

    /// <summary>Of one layer: [length, hidden], the inner ones [length, intermediate], the probabilities [heads, length, length].</summary>
    internal sealed record Layer(T[] X, T[] Query, T[] Key, T[] Value, T[] Probabilities, T[] Context, T[] AttentionSum, T[] Attention, T[] Up, T[] Activated,
        T[] OutputSum);

    /// <summary>As <see cref="DeviceNetwork.Forward"/>.</summary>
    /// <param name="batch">Ids within their tables.</param>
    /// <param name="output">[sequences, OutputSize].</param>
    /// <param name="cancellation">Looked at for every row.</param>
    /// <param name="dropout">Null: nothing is dropped.</param>
    /// <param name="saved">Takes what <see cref="Backward"/> needs; null: nothing is kept.</param>
    internal void Forward(
        PackedBatch batch, Span<T> output, CancellationToken cancellation, StepDropout? dropout = null, List<Saved>? saved = null)
    {
        for (int sequence = 0; sequence < batch.Sequences; sequence++)
        {
            Saved? kept = saved is null ? null : new Saved { Sequence = sequence };
            T[] rows = Encode(batch, sequence, _config.NumHiddenLayers, dropout, kept, cancellation);
            T[] row = Head(batch, sequence, rows, dropout, kept, cancellation);
            row.CopyTo(output[(sequence * row.Length)..]);
            if (kept is not null) { saved!.Add(kept); }
        }
    }

    /// <summary>As <see cref="DeviceNetwork.Hidden"/>.</summary>
    internal void Hidden(PackedBatch batch, int layers, Span<float> hidden, CancellationToken cancellation)
    {
        for (int sequence = 0; sequence < batch.Sequences; sequence++)
        {
            T[] rows = Encode(batch, sequence, layers, cancellation: cancellation);
            Narrow(rows, hidden.Slice(batch.Offsets[sequence] * _config.HiddenSize, rows.Length));
        }
    }

    /// <summary>[length, hidden] after <paramref name="layers"/> layers.</summary>
    /// <param name="batch">Ids within their tables.</param>
    /// <param name="sequence">Of the batch.</param>
    /// <param name="layers">Up to all.</param>
    /// <param name="dropout">Null: nothing is dropped.</param>
    /// <param name="saved">Takes what backward needs; null: nothing is kept.</param>
    /// <param name="cancellation">Looked at for every row.</param>
    internal T[] Encode(PackedBatch batch, int sequence, int layers, StepDropout? dropout = null, Saved? saved = null, CancellationToken cancellation = default)
    {
        int from = batch.Offsets[sequence], length = batch.Length(sequence), firstRow = dropout?.FirstRows[sequence] ?? 0;
        T[] x = Embed(batch, from, length, saved);
        Drop(x, _config.HiddenSize, firstRow, dropout?.At(DropoutSite.Embeddings, 0, _config.HiddenDropout));
        for (int layer = 0; layer < layers; layer++)
        {
            x = EncodeLayer(layer, x, batch.Columns.AsSpan(from, length), dropout, firstRow, saved, cancellation);
        }
        if (saved is not null) { saved.Rows = x; }
        return x;
    }

    private T[] Embed(PackedBatch batch, int from, int length, Saved? saved)
    {
        EncoderWeights weights = network.Encoder;
        T[] x = new T[length * _config.HiddenSize];
        Embedding.Forward(batch.TokenIds.AsSpan(from, length), values(weights.WordEmbeddings), _config.HiddenSize, x);
        Embedding.Forward(batch.Positions.AsSpan(from, length), values(weights.PositionEmbeddings), _config.HiddenSize, x);
        if (weights.TokenTypeEmbeddings is { } types) { Embedding.Forward(Types(batch, from, length), values(types), _config.HiddenSize, x); }
        if (saved is not null) { saved.EmbeddingSums = x; }
        return Normalize(x, weights.EmbeddingNorm);
    }

    private T[] EncodeLayer(
        int index, T[] x, ReadOnlySpan<int> columns, StepDropout? dropout, int firstRow, Saved? saved, CancellationToken cancellation)
    {
        LayerWeights layer = network.Encoder.Layers[index];
        int heads = _config.NumAttentionHeads, length = columns.Length;
        T[] bias = network.Encoder.RelativeAttentionBias is { } table ? values(table) : [];
        T[] query = Apply(layer.Query, x, cancellation), key = Apply(layer.Key, x, cancellation), value = Apply(layer.Value, x, cancellation);
        T[] scores = new T[heads * length * length], probabilities = new T[scores.Length], context = new T[x.Length];
        SelfAttention.Forward<T>(query, key, value, heads, bias, columns, scores, probabilities, context,
            dropout?.At(DropoutSite.Attention, index, _config.AttentionDropout) ?? default, firstRow, cancellation);
        T[] dense = Apply(layer.AttentionOutput, context, cancellation);
        Drop(dense, _config.HiddenSize, firstRow, dropout?.At(DropoutSite.AttentionOutput, index, _config.HiddenDropout));
        T[] attentionSum = Add(x, dense), attention = Normalize(attentionSum, layer.AttentionNorm);
        T[] up = Apply(layer.Up, attention, cancellation), activated = [.. up];
        Activations.Forward<T>(_config.HiddenAct, activated);
        T[] down = Apply(layer.Down, activated, cancellation);
        Drop(down, _config.HiddenSize, firstRow, dropout?.At(DropoutSite.FeedForwardOutput, index, _config.HiddenDropout));
        T[] outputSum = Add(attention, down), y = Normalize(outputSum, layer.OutputNorm);
        saved?.Layers.Add(new Layer(x, query, key, value, probabilities, context, attentionSum, attention, up, activated, outputSum));
        if (observe is not null)
        {
            (string, T[])[] seen = [("q", query), ("k", key), ("v", value), ("scores", scores), ("probs", probabilities), ("context", context),
                ("attention_dense", dense),
                ("attention_ln", attention), ("ffn_up", up), ("ffn_act", activated), ("ffn_down", down), ("output", y)];
            foreach ((string name, T[] observed) in seen) { observe(index, name, observed); }
        }
        return y;
    }

    /// <summary>Pooling, then the modules behind it.</summary>
    internal T[] Head(PackedBatch batch, int sequence, T[] rows, StepDropout? dropout = null, Saved? saved = null, CancellationToken cancellation = default)
    {
        int skip = Skipped(batch, sequence);
        ReadOnlySpan<int> columns = PooledColumns(batch, sequence, skip);
        int hidden = _config.HiddenSize;
        T[] y = new T[network.PooledSize];
        for (int mode = 0; mode < network.Pooling.Length; mode++)
        {
            Pooling.Forward<T>(network.Pooling[mode], rows.AsSpan(skip * hidden), columns, y.AsSpan(mode * hidden, hidden));
        }
        for (int index = 0; index < network.Head.Length; index++)
        {
            T[] x = [.. y];
            if (network.Head[index] is not DenseModule dense)
            {
                Reference.Normalize.Forward<T>(y);
                saved?.Head.Add((x, []));
                continue;
            }
            Drop(x, x.Length, dropout?.FirstRows[sequence] ?? 0, dropout?.At(DropoutSite.Classifier, index, dense.Dropout));
            y = Apply(dense.Linear, x, cancellation);
            saved?.Head.Add((x, [.. y]));
            Activations.Forward<T>(dense.Activation, y);
        }
        return y;
    }

    /// <summary>Adds one sequence's part to the gradients of all weights.</summary>
    /// <param name="batch">As it was for the way forward.</param>
    /// <param name="saved">By <see cref="Forward"/>.</param>
    /// <param name="dropout">The same.</param>
    /// <param name="outputGradient">[OutputSize].</param>
    /// <param name="gradients">Where the gradient of a weight is summed.</param>
    /// <param name="cancellation">Looked at all along.</param>
    internal void Backward(
        PackedBatch batch, Saved saved, StepDropout? dropout, ReadOnlySpan<T> outputGradient, Func<Tensor, T[]> gradients,
        CancellationToken cancellation = default)
    {
        int sequence = saved.Sequence, from = batch.Offsets[sequence], length = batch.Length(sequence), firstRow = dropout?.FirstRows[sequence] ?? 0;
        T[] d = BackwardHead(batch, saved, dropout, outputGradient, gradients);
        for (int layer = saved.Layers.Count - 1; layer >= 0; layer--)
        {
            d = BackwardLayer(layer, saved.Layers[layer], batch.Columns.AsSpan(from, length), dropout, firstRow, d, gradients, cancellation);
        }
        EncoderWeights weights = network.Encoder;
        int hidden = _config.HiddenSize;
        Drop(d, hidden, firstRow, dropout?.At(DropoutSite.Embeddings, 0, _config.HiddenDropout));
        NormalizeBackward(saved.EmbeddingSums, weights.EmbeddingNorm, d, gradients);
        Embedding.Backward(batch.TokenIds.AsSpan(from, length), _config.PadTokenId, d, hidden, gradients(weights.WordEmbeddings));
        Embedding.Backward(batch.Positions.AsSpan(from, length), _config.PadPosition, d, hidden, gradients(weights.PositionEmbeddings));
        if (weights.TokenTypeEmbeddings is { } types) { Embedding.Backward(Types(batch, from, length), null, d, hidden, gradients(types)); }
    }

    private static int[] Types(PackedBatch batch, int from, int length) => Array.ConvertAll(batch.TypeIds[from..(from + length)], type => (int)type);

    private T[] BackwardHead(PackedBatch batch, Saved saved, StepDropout? dropout, ReadOnlySpan<T> outputGradient, Func<Tensor, T[]> gradients)
    {
        int skip = Skipped(batch, saved.Sequence);
        ReadOnlySpan<int> columns = PooledColumns(batch, saved.Sequence, skip);
        int hidden = _config.HiddenSize;
        T[] d = [.. outputGradient];
        for (int index = network.Head.Length - 1; index >= 0; index--)
        {
            (T[] x, T[] before) = saved.Head[index];
            if (network.Head[index] is not DenseModule dense)
            {
                Reference.Normalize.Backward<T>(x, d);
                continue;
            }
            Activations.Backward<T>(dense.Activation, before, d);
            d = ApplyBackward(dense.Linear, x, d, gradients);
            Drop(d, d.Length, dropout?.FirstRows[saved.Sequence] ?? 0, dropout?.At(DropoutSite.Classifier, index, dense.Dropout));
        }
        T[] rows = new T[saved.Rows.Length];
        for (int mode = 0; mode < network.Pooling.Length; mode++)
        {
            Pooling.Backward<T>(
                network.Pooling[mode], saved.Rows.AsSpan(skip * hidden), columns, d.AsSpan(mode * hidden, hidden), rows.AsSpan(skip * hidden));
        }
        return rows;
    }

    private T[] BackwardLayer(int index, Layer saved, ReadOnlySpan<int> columns, StepDropout? dropout, int firstRow, T[] d, Func<Tensor, T[]> gradients,
        CancellationToken cancellation)
    {
        LayerWeights layer = network.Encoder.Layers[index];
        NormalizeBackward(saved.OutputSum, layer.OutputNorm, d, gradients);
        T[] down = [.. d];
        Drop(down, _config.HiddenSize, firstRow, dropout?.At(DropoutSite.FeedForwardOutput, index, _config.HiddenDropout));
        T[] inner = ApplyBackward(layer.Down, saved.Activated, down, gradients);
        Activations.Backward<T>(_config.HiddenAct, saved.Up, inner);
        T[] attention = Add(d, ApplyBackward(layer.Up, saved.Attention, inner, gradients));
        cancellation.ThrowIfCancellationRequested();

        NormalizeBackward(saved.AttentionSum, layer.AttentionNorm, attention, gradients);
        T[] dense = [.. attention];
        Drop(dense, _config.HiddenSize, firstRow, dropout?.At(DropoutSite.AttentionOutput, index, _config.HiddenDropout));
        T[] context = ApplyBackward(layer.AttentionOutput, saved.Context, dense, gradients);
        T[] query = new T[context.Length], key = new T[context.Length], value = new T[context.Length];
        T[] bias = network.Encoder.RelativeAttentionBias is { } table ? gradients(table) : [];
        SelfAttention.Backward<T>(saved.Query, saved.Key, saved.Value, _config.NumAttentionHeads, columns, saved.Probabilities, context,
            query, key, value, bias, dropout?.At(DropoutSite.Attention, index, _config.AttentionDropout) ?? default, firstRow, cancellation);
        T[] x = Add(ApplyBackward(layer.Query, saved.X, query, gradients), ApplyBackward(layer.Key, saved.X, key, gradients));
        return Add(attention, Add(x, ApplyBackward(layer.Value, saved.X, value, gradients)));
    }

    /// <summary>Rows at a sequence's start that pooling leaves out.</summary>
    private static int Skipped(PackedBatch batch, int sequence) => Math.Min(batch.PromptRows, batch.Length(sequence) - 1);

    private static ReadOnlySpan<int> PooledColumns(PackedBatch batch, int sequence, int skip) =>
        batch.Columns.AsSpan(batch.Offsets[sequence] + skip, batch.Length(sequence) - skip);

    private T[] Apply(Linear linear, T[] x, CancellationToken cancellation)
    {
        T[] weight = values(linear.Weight), bias = linear.Bias is { } tensor ? values(tensor) : [];
        T[] y = new T[x.Length / linear.Inputs * linear.Outputs];
        for (int row = 0; row < x.Length / linear.Inputs; row++) // a row is some milliseconds of scalar code
        {
            cancellation.ThrowIfCancellationRequested();
            Dense.Forward<T>(x.AsSpan(row * linear.Inputs, linear.Inputs), weight, bias, linear.Inputs, y.AsSpan(row * linear.Outputs, linear.Outputs));
        }
        return y;
    }

    private T[] ApplyBackward(Linear linear, T[] x, T[] dy, Func<Tensor, T[]> gradients)
    {
        T[] dx = new T[x.Length];
        Dense.Backward<T>(x, values(linear.Weight), dy, linear.Inputs, dx, gradients(linear.Weight), linear.Bias is { } bias ? gradients(bias) : []);
        return dx;
    }

    private T[] Normalize(T[] x, Norm norm)
    {
        T[] y = new T[x.Length];
        LayerNorm.Forward<T>(x, values(norm.Gamma), values(norm.Beta), T.CreateChecked(_config.LayerNormEps), y);
        return y;
    }

    private void NormalizeBackward(T[] x, Norm norm, T[] d, Func<Tensor, T[]> gradients) =>
        LayerNorm.Backward<T>(x, values(norm.Gamma), T.CreateChecked(_config.LayerNormEps), d, d, gradients(norm.Gamma), gradients(norm.Beta));

    /// <summary>Drops values, or their gradients, in place.</summary>
    private static void Drop(T[] x, int width, int firstRow, DropoutMask? mask)
    {
        if (mask is not { IsOff: false } drop) { return; }
        for (int i = 0; i < x.Length; i++) { x[i] *= T.CreateChecked(drop.Factor(firstRow + i / width, i % width)); }
    }

    /// <summary>Rounds to float32.</summary>
    internal static void Narrow(ReadOnlySpan<T> from, Span<float> to)
    {
        for (int i = 0; i < from.Length; i++) { to[i] = float.CreateChecked(from[i]); }
    }

    private static T[] Add(T[] a, T[] b)
    {
        T[] sum = new T[a.Length];
        for (int i = 0; i < a.Length; i++) { sum[i] = a[i] + b[i]; }
        return sum;
    }
}
