using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Weights;

namespace MiniLM.Training;

/// <summary>A parameter's place in a <see cref="ParameterBlock"/>, and in every block of the same layout.</summary>
/// <param name="Name">As in the model's file; of a module with a file of its own its folder stands before it: <c>2_Dense/linear.weight</c>.</param>
/// <param name="Tensor">Its values in the block.</param>
/// <param name="Offset">Its first value, a multiple of <see cref="ParameterBlock.Alignment"/>.</param>
/// <param name="Count">Number of values.</param>
internal sealed record Parameter(string Name, Tensor Tensor, long Offset, int Count);

/// <summary>All parameters of a network as float32 in one block, and the network over it: whoever reads a weight reads the block.</summary>
/// <remarks>
/// Gradients and moments are blocks of the same layout, so that clipping and AdamW are one pass each. What a device packs or rounds is a cache of
/// <see cref="Version"/>. Between parameters lie zeros.
/// </remarks>
internal sealed unsafe class ParameterBlock : IDisposable
{
    /// <summary>In floats: a cache line.</summary>
    internal const int Alignment = 16;

    private readonly NativeBlock _block;
    private readonly Dictionary<Tensor, Tensor> _places = [];

    /// <summary>Copies a network's weights, widened.</summary>
    /// <param name="network">Its files may be closed afterwards.</param>
    /// <exception cref="ObjectDisposedException">They are closed already.</exception>
    internal ParameterBlock(Network network)
    {
        Tensor[] tensors = [.. network.Tensors()];
        using TensorFiles files = new(tensors);
        foreach (Tensor tensor in tensors) { Length += Padded(tensor.Count); }
        _block = new NativeBlock(Length);
        List<Parameter> parameters = [];
        long offset = 0;
        foreach (Tensor tensor in tensors)
        {
            int count = checked((int)tensor.Count);
            float* values = Values + offset;
            tensor.Read(0, count, values);
            Tensor place = new(tensor.Name, ElementType.F32, [.. tensor.Shape], (byte*)values, (long)count * sizeof(float), tensor.File);
            _places.Add(tensor, place);
            parameters.Add(new Parameter($"{tensor.File[..(tensor.File.LastIndexOf('/') + 1)]}{tensor.Name}", place, offset, count));
            offset += Padded(count);
        }
        Parameters = parameters;
        Network = network.With(tensor => _places[tensor]);
    }

    private static long Padded(long count) => (count + Alignment - 1) / Alignment * Alignment;

    /// <summary>In the order of <see cref="Model.Network.Tensors"/>.</summary>
    internal IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>The network over the block.</summary>
    internal Network Network { get; }

    /// <summary>In floats.</summary>
    internal long Length { get; }

    internal float* Values => _block.Floats;

    /// <summary>Counts how often the values have changed.</summary>
    internal int Version { get; private set; }

    internal Span<float> this[Parameter parameter] => new(Values + parameter.Offset, parameter.Count);

    /// <summary>Where a tensor of the network that was copied is now; null: it was none of its weights.</summary>
    internal Tensor? Of(Tensor tensor) => _places.GetValueOrDefault(tensor);

    /// <summary>To be called when values were written.</summary>
    internal void Changed() => Version++;

    public void Dispose() => _block.Dispose();
}
