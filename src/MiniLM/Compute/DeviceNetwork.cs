using MiniLM.Batching;
using MiniLM.Model;

namespace MiniLM.Compute;

/// <summary>A network ready to run on a device. Thread-safe: concurrent calls take turns.</summary>
/// <remarks>What goes in is checked here, once, so that no kernel reads outside a table.</remarks>
internal abstract class DeviceNetwork(Network network) : IDisposable
{
    private bool _disposed;

    /// <summary>The weights and what is done with them.</summary>
    protected Network Network => network;

    /// <summary>Encoder, pooling and head: one row of <c>Network.OutputSize</c> a sequence.</summary>
    /// <param name="batch">At least one row a sequence; ids within their tables.</param>
    /// <param name="output">[sequences, OutputSize].</param>
    /// <exception cref="ArgumentException">An id lies outside its table, or a length does not fit.</exception>
    internal void Forward(PackedBatch batch, Span<float> output)
    {
        Check(batch, (long)batch.Sequences * network.OutputSize, output.Length);
        ForwardChecked(batch, output);
    }

    /// <summary>Hidden states after <paramref name="layers"/> layers (0: the embeddings after LayerNorm).</summary>
    /// <param name="batch">As for <see cref="Forward"/>.</param>
    /// <param name="layers">0 to NumHiddenLayers.</param>
    /// <param name="hidden">[rows, HiddenSize].</param>
    /// <exception cref="ArgumentException">An id lies outside its table, or a length does not fit.</exception>
    internal void Hidden(PackedBatch batch, int layers, Span<float> hidden)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)layers, (uint)network.Config.NumHiddenLayers, nameof(layers));
        Check(batch, (long)batch.Rows * network.Config.HiddenSize, hidden.Length);
        HiddenChecked(batch, layers, hidden);
    }

    /// <inheritdoc cref="Forward"/>
    protected abstract void ForwardChecked(PackedBatch batch, Span<float> output);

    /// <inheritdoc cref="Hidden"/>
    protected abstract void HiddenChecked(PackedBatch batch, int layers, Span<float> hidden);

    private void Check(PackedBatch batch, long expected, int actual)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (actual != expected) { throw new ArgumentException($"the result needs {expected} floats, the span has {actual}"); }
        EncoderConfig config = network.Config;
        int types = network.Encoder.TokenTypeEmbeddings is null ? 256 : config.TypeVocabSize;
        for (int sequence = 0; sequence < batch.Sequences; sequence++)
        {
            if (batch.Length(sequence) < 1) { throw new ArgumentException($"sequence {sequence} has no tokens"); }
            for (int row = batch.Offsets[sequence]; row < batch.Offsets[sequence + 1]; row++)
            {
                if ((uint)batch.TokenIds[row] >= (uint)config.VocabSize) { throw new ArgumentException($"sequence {sequence}: token id {batch.TokenIds[row]}, the model has {config.VocabSize} (vocab_size)"); }
                if (batch.TypeIds[row] >= types) { throw new ArgumentException($"sequence {sequence}: token type {batch.TypeIds[row]}, the model has {types} (type_vocab_size): it takes no pairs"); }
                if ((uint)batch.Positions[row] >= (uint)config.MaxPositionEmbeddings) { throw new ArgumentException($"sequence {sequence}: position {batch.Positions[row]}, the model has {config.MaxPositionEmbeddings} (max_position_embeddings)"); }
            }
        }
    }

    /// <summary>Gives back what the device holds.</summary>
    public virtual void Dispose()
    {
        _disposed = true;
        GC.SuppressFinalize(this);
    }
}
