using MiniLM.Compute;
using MiniLM.Model;

namespace MiniLM.Batching;

/// <summary>Tokenized inputs of one window: run longest first in packed batches, results back in the order they came.</summary>
/// <remarks>
/// Sequences of like length fill a core's group of rows evenly and leave the short ones to even out the threads at the end. A stream is
/// cut into windows of <see cref="Capacity"/> inputs, so that memory stays bounded whatever its length.
/// </remarks>
internal sealed class SequenceWindow(Architecture architecture)
{
    /// <summary>Inputs of one window.</summary>
    internal const int Capacity = 4096;

    private readonly PackedBatch _batch = new();
    private int[] _ids = new int[1 << 14];
    private byte[] _typeIds = new byte[1 << 14];
    private int[] _offsets = new int[Capacity + 1];
    private int[] _order = new int[Capacity], _lengths = new int[Capacity];
    private float[] _rows = [];
    private int _count;

    /// <summary>Writes one input's ids and type ids, at most as many as the spans hold.</summary>
    /// <param name="index">Which input, from 0.</param>
    /// <param name="ids">Token ids.</param>
    /// <param name="typeIds">Zeros until written.</param>
    /// <param name="truncated">Whether something was cut.</param>
    /// <returns>Tokens written.</returns>
    internal delegate int Encode(int index, Span<int> ids, Span<byte> typeIds, out bool truncated);

    /// <summary>Encodes and runs inputs, window after window.</summary>
    /// <param name="network">The model.</param>
    /// <param name="encode">The tokenizer.</param>
    /// <param name="maxLength">Longest input in tokens.</param>
    /// <param name="batchTokens">Rows of one batch; a single longer input is a batch of its own.</param>
    /// <param name="promptRows">Rows at each input's start that pooling leaves out.</param>
    /// <param name="output">[inputs, size], in the order of the inputs.</param>
    /// <param name="size">Width of a result.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <exception cref="NonFiniteResultException">A result is NaN or infinite.</exception>
    internal EncodingStatistics Run(DeviceNetwork network, Encode encode, int maxLength, int batchTokens, int promptRows, Span<float> output, int size, CancellationToken cancellation)
    {
        int inputs = output.Length / size, truncated = 0;
        long tokens = 0;
        for (int first = 0; first < inputs; first += _count)
        {
            _count = 0;
            while (_count < Capacity && first + _count < inputs)
            {
                int at = _offsets[_count];
                if (_ids.Length < at + maxLength)
                {
                    Array.Resize(ref _ids, Math.Max(2 * _ids.Length, at + maxLength));
                    Array.Resize(ref _typeIds, _ids.Length);
                }
                Span<byte> typeIds = _typeIds.AsSpan(at, maxLength);
                typeIds.Clear();
                _offsets[_count + 1] = at + encode(first + _count, _ids.AsSpan(at, maxLength), typeIds, out bool cut);
                if (cut) { truncated++; }
                _count++;
            }
            tokens += _offsets[_count];
            try { RunWindow(network, batchTokens, promptRows, output.Slice(first * size, _count * size), size, cancellation); }
            catch (NonFiniteResultException error) { throw new NonFiniteResultException(first + error.Index); }
        }
        return new EncodingStatistics(inputs, tokens, truncated);
    }

    private void RunWindow(DeviceNetwork network, int batchTokens, int promptRows, Span<float> output, int size, CancellationToken cancellation)
    {
        for (int i = 0; i < _count; i++)
        {
            _order[i] = i;
            _lengths[i] = _offsets[i] - _offsets[i + 1]; // negative: longest first
        }
        Array.Sort(_lengths, _order, 0, _count);
        for (int first = 0; first < _count;)
        {
            cancellation.ThrowIfCancellationRequested();
            _batch.Clear();
            _batch.PromptRows = promptRows;
            int end = first;
            while (end < _count && (end == first || _batch.Rows - _lengths[end] <= batchTokens))
            {
                (int at, int length) = (_offsets[_order[end]], -_lengths[end]);
                _batch.Add(_ids.AsSpan(at, length), _typeIds.AsSpan(at, length), architecture);
                end++;
            }
            if (_rows.Length < (end - first) * size) { _rows = new float[(end - first) * size]; }
            network.Forward(_batch, _rows.AsSpan(0, (end - first) * size));
            for (int i = first; i < end; i++)
            {
                ReadOnlySpan<float> row = _rows.AsSpan((i - first) * size, size);
                foreach (float value in row)
                {
                    if (!float.IsFinite(value)) { throw new NonFiniteResultException(_order[i]); }
                }
                row.CopyTo(output.Slice(_order[i] * size, size));
            }
            first = end;
        }
    }
}
