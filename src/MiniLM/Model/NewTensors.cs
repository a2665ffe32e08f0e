using MiniLM.Compute;
using MiniLM.Weights;

namespace MiniLM.Model;

/// <summary>
/// Tensors as transformers initialises a model: tables and matrices normal with the config's <c>initializer_range</c>, the padding's row and biases 0,
/// LayerNorms 1 and 0. What an opened encoder has is taken from it.
/// </summary>
/// <param name="config">Of the model to be.</param>
/// <param name="seed">A tensor's values are a function of it and of the tensor's name.</param>
/// <param name="encoder">Null: everything is new.</param>
internal sealed unsafe class NewTensors(ModelConfig config, ulong seed, WeightSet? encoder = null) : TensorSource, IDisposable
{
    private readonly List<NativeBlock> _blocks = [];

    /// <summary>All that were asked for, in that order.</summary>
    internal List<StoredTensor> Tensors { get; } = [];

    /// <inheritdoc/>
    internal override Tensor Require(string name, params ReadOnlySpan<Dimension> shape)
    {
        // A head of a task before is not this one's.
        Tensor tensor = (EncoderNames.IsHead(name) ? null : encoder?.FindChecked(name, shape)) ?? Make(name, shape);
        Tensors.Add(new StoredTensor(StoredName(name), tensor, tensor.ElementType));
        return tensor;
    }

    private string StoredName(string name) =>
        config.IsClassifier && !EncoderNames.IsHead(name) ? EncoderNames.Prefix(config.Encoder.Architecture) + name : name;

    private Tensor Make(string name, ReadOnlySpan<Dimension> shape)
    {
        long[] sizes = new long[shape.Length];
        long count = 1;
        for (int i = 0; i < sizes.Length; i++) { count *= sizes[i] = shape[i].Size; }
        NativeBlock block = new(count); // zeros
        _blocks.Add(block);
        Tensor tensor = new(name, ElementType.F32, sizes, (byte*)block.Floats, count * sizeof(float), "a new tensor");
        if (name.EndsWith("LayerNorm.weight", StringComparison.Ordinal) || name.EndsWith("layer_norm.weight", StringComparison.Ordinal))
        {
            new Span<float>(block.Floats, checked((int)count)).Fill(1);
        }
        else if (!name.EndsWith(".bias", StringComparison.Ordinal))
        {
            SeededNumbers.FillNormal(seed, name, config.InitializerRange, block.Floats, count);
            int? padding = name.Contains("word_embeddings", StringComparison.Ordinal) ? config.Encoder.PadTokenId
                : name.Contains("position_embeddings", StringComparison.Ordinal) ? config.Encoder.PadPosition : null;
            if (padding is { } row && row < sizes[0]) { new Span<float>(block.Floats + row * sizes[1], (int)sizes[1]).Clear(); }
        }
        return tensor;
    }

    /// <summary>The new tensors go; those of files stay.</summary>
    public void Dispose() => _blocks.ForEach(block => block.Dispose());
}
