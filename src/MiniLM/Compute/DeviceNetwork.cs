using MiniLM.Batching;
using MiniLM.Model;

namespace MiniLM.Compute;

/// <summary>A network ready to run on a device. Thread-safe: concurrent calls take turns.</summary>
/// <remarks>What goes in is checked here, once, so that no kernel reads outside a table.</remarks>
internal abstract class DeviceNetwork : IDisposable
{
    private readonly Lifetime _lifetime;
    private Device? _device;
    private IDisposable[] _uses = [];

    /// <param name="network">The weights and what is done with them.</param>
    protected DeviceNetwork(Network network) => (Network, _lifetime) = (network, new Lifetime(this, Release));

    /// <summary>The weights and what is done with them.</summary>
    protected Network Network { get; }

    /// <summary>Tokens of a batch that suit its device.</summary>
    internal int BatchTokens => _device!.BatchTokens;

    /// <summary>What this network is inside of until it is freed: its device, and the files of its weights.</summary>
    internal void Keep(Device device, params IDisposable[] uses) => (_device, _uses) = (device, uses);

    /// <summary>Encoder, pooling and head: one row of <c>Network.OutputSize</c> a sequence.</summary>
    /// <param name="batch">At least one row a sequence; ids within their tables.</param>
    /// <param name="output">[sequences, OutputSize].</param>
    /// <param name="cancellation">Looked at all along, also within a layer; what <paramref name="output"/> holds after it is undefined.</param>
    /// <exception cref="ArgumentException">An id lies outside its table, or a length does not fit.</exception>
    /// <exception cref="ObjectDisposedException">The network or its device.</exception>
    internal void Forward(PackedBatch batch, Span<float> output, CancellationToken cancellation = default)
    {
        using Lifetime.Inside inside = EnterChecked(batch, output.Length);
        ForwardChecked(batch, output, cancellation);
    }

    /// <summary>Hidden states after <paramref name="layers"/> layers (0: the embeddings after LayerNorm).</summary>
    /// <param name="batch">As for <see cref="Forward"/>.</param>
    /// <param name="layers">0 to NumHiddenLayers.</param>
    /// <param name="hidden">[rows, HiddenSize].</param>
    /// <param name="cancellation">As for <see cref="Forward"/>.</param>
    /// <exception cref="ArgumentException">An id lies outside its table, or a length does not fit.</exception>
    /// <exception cref="ObjectDisposedException">The network or its device.</exception>
    internal void Hidden(PackedBatch batch, int layers, Span<float> hidden, CancellationToken cancellation = default)
    {
        using Lifetime.Inside inside = Enter();
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)layers, (uint)Network.Config.NumHiddenLayers, nameof(layers));
        Check(batch, (long)batch.Rows * Network.Config.HiddenSize, hidden.Length);
        HiddenChecked(batch, layers, hidden, cancellation);
    }

    /// <inheritdoc cref="Forward"/>
    protected abstract void ForwardChecked(PackedBatch batch, Span<float> output, CancellationToken cancellation);

    /// <inheritdoc cref="Hidden"/>
    protected abstract void HiddenChecked(PackedBatch batch, int layers, Span<float> hidden, CancellationToken cancellation);

    /// <summary>Inside, with a batch whose ids lie within their tables.</summary>
    private protected Lifetime.Inside EnterChecked(PackedBatch batch, int outputs)
    {
        Lifetime.Inside inside = Enter();
        try
        {
            Check(batch, (long)batch.Sequences * Network.OutputSize, outputs);
            return inside;
        }
        catch
        {
            inside.Dispose();
            throw;
        }
    }

    /// <summary>Inside until the result is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The network or its device.</exception>
    private protected Lifetime.Inside Enter()
    {
        // The device is there as long as this network; that it was disposed is said all the same.
        ObjectDisposedException.ThrowIf(_device?.Lifetime.IsClosed == true, _device!);
        return _lifetime.Enter();
    }

    private void Check(PackedBatch batch, long expected, int actual)
    {
        if (actual != expected) { throw new ArgumentException($"the result needs {expected} floats, the span has {actual}"); }
        EncoderConfig config = Network.Config;
        int types = Network.Encoder.TokenTypeEmbeddings is null ? 256 : config.TypeVocabSize;
        for (int sequence = 0; sequence < batch.Sequences; sequence++)
        {
            if (batch.Length(sequence) < 1) { throw new ArgumentException($"sequence {sequence} has no tokens"); }
            for (int row = batch.Offsets[sequence]; row < batch.Offsets[sequence + 1]; row++)
            {
                if ((uint)batch.TokenIds[row] >= (uint)config.VocabSize)
                {
                    throw new ArgumentException($"sequence {sequence}: token id {batch.TokenIds[row]}, the model has {config.VocabSize} (vocab_size)");
                }
                if (batch.TypeIds[row] >= types)
                {
                    throw new ArgumentException(
                        $"sequence {sequence}: token type {batch.TypeIds[row]}, the model has {types} (type_vocab_size): it takes no pairs");
                }
                if ((uint)batch.Positions[row] >= (uint)config.MaxPositionEmbeddings)
                {
                    throw new ArgumentException(
                        $"sequence {sequence}: position {batch.Positions[row]}, the model has {config.MaxPositionEmbeddings} (max_position_embeddings)");
                }
            }
        }
    }

    /// <summary>Gives back what the device holds for this network; nobody is inside any more.</summary>
    protected abstract void Free();

    private void Release()
    {
        try { Free(); }
        finally { Array.ForEach(_uses, use => use.Dispose()); }
    }

    /// <summary>No further calls; what the device holds is given back when the last that runs has ended.</summary>
    public void Dispose() => _lifetime.Close();
}
