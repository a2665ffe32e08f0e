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

    internal int Count { get; private set; }

    internal long Tokens => _offsets[Count];

    /// <summary>Room for one more input of at most <paramref name="maxLength"/> tokens; write ids and type ids there, then <see cref="Commit"/>.</summary>
    internal (Memory<int> Ids, Memory<byte> TypeIds) Reserve(int maxLength)
    {
        int at = _offsets[Count];
        if (_ids.Length < at + maxLength)
        {
            int size = Math.Max(2 * _ids.Length, at + maxLength);
            Array.Resize(ref _ids, size);
            Array.Resize(ref _typeIds, size);
        }
        return (_ids.AsMemory(at, maxLength), _typeIds.AsMemory(at, maxLength));
    }

    /// <summary>Keeps <paramref name="length"/> tokens of what was reserved.</summary>
    internal void Commit(int length)
    {
        if (Count == Capacity) { throw new InvalidOperationException("the window is full"); }
        _offsets[Count + 1] = _offsets[Count] + length;
        Count++;
    }

    /// <summary>Runs all inputs and empties the window.</summary>
    /// <param name="network">The model.</param>
    /// <param name="batchTokens">Rows of one batch; a single longer input is a batch of its own.</param>
    /// <param name="promptRows">Rows at each input's start that pooling leaves out.</param>
    /// <param name="output">[Count, size], in the order of the inputs.</param>
    /// <param name="size">Width of a result.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <exception cref="NonFiniteResultException">A result is NaN or infinite.</exception>
    internal void Run(DeviceNetwork network, int batchTokens, int promptRows, Span<float> output, int size, CancellationToken cancellation)
    {
        for (int i = 0; i < Count; i++)
        {
            _order[i] = i;
            _lengths[i] = _offsets[i] - _offsets[i + 1]; // negative: longest first
        }
        Array.Sort(_lengths, _order, 0, Count);
        for (int first = 0; first < Count;)
        {
            cancellation.ThrowIfCancellationRequested();
            _batch.Clear();
            _batch.PromptRows = promptRows;
            int end = first;
            while (end < Count && (end == first || _batch.Rows - _lengths[end] <= batchTokens))
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
        Count = 0;
    }
}
