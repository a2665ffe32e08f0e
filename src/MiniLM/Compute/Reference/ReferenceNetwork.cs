using System.Numerics;
using MiniLM.Batching;
using MiniLM.Model;
using MiniLM.Weights;

namespace MiniLM.Compute.Reference;

/// <summary><see cref="ReferencePass{T}"/> over weights that do not change, widened once.</summary>
internal sealed class ReferenceNetwork<T> : DeviceNetwork where T : IBinaryFloatingPointIeee754<T>
{
    private readonly Dictionary<Tensor, T[]> _weights = [];

    internal ReferenceNetwork(Network network, Action<int, string, T[]>? observe = null) : base(network) =>
        Pass = new ReferencePass<T>(network, Values, observe);

    internal ReferencePass<T> Pass { get; }

    protected override void ForwardChecked(PackedBatch batch, Span<float> output, CancellationToken cancellation)
    {
        T[] exact = new T[output.Length];
        Pass.Forward(batch, exact, cancellation);
        ReferencePass<T>.Narrow(exact, output);
    }

    protected override void HiddenChecked(PackedBatch batch, int layers, Span<float> hidden, CancellationToken cancellation) =>
        Pass.Hidden(batch, layers, hidden, cancellation);

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
}
