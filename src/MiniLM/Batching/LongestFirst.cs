using MiniLM.Compute;

namespace MiniLM.Batching;

/// <summary>Sequences through a network, the longest first, in packed batches of a limited number of tokens; results back in their places.</summary>
/// <remarks>Keeps its buffers from one call to the next: one caller at a time.</remarks>
internal sealed class LongestFirst(DeviceNetwork network)
{
    private readonly LengthOrder _order = new();
    private readonly PackedBatch _batch = new();
    private float[] _rows = [];

    /// <summary>Appends the sequence of a place to a batch.</summary>
    internal delegate void Add(PackedBatch batch, int place);

    /// <summary>Runs all.</summary>
    /// <param name="lengths">Tokens of each sequence.</param>
    /// <param name="add">Gives them.</param>
    /// <param name="batchTokens">Rows of one batch; a single longer sequence is a batch of its own.</param>
    /// <param name="promptRows">Rows at each sequence's start that pooling leaves out.</param>
    /// <param name="output">[sequences, size], in the order of <paramref name="lengths"/>.</param>
    /// <param name="size">Width of a result.</param>
    /// <param name="cancellation">Looked at within a batch.</param>
    /// <exception cref="NonFiniteResultException">A result is NaN or infinite.</exception>
    internal void Run(
        ReadOnlySpan<int> lengths, Add add, int batchTokens, int promptRows, Span<float> output, int size, CancellationToken cancellation)
    {
        ReadOnlySpan<int> order = _order.Of(lengths);
        for (int first = 0, end; first < order.Length; first = end)
        {
            end = TokenBudget.BatchEnd(lengths, order, first, batchTokens);
            ReadOnlySpan<int> places = order[first..end];
            _batch.Clear();
            _batch.PromptRows = promptRows;
            foreach (int place in places) { add(_batch, place); }
            if (_rows.Length < places.Length * size) { _rows = new float[places.Length * size]; }
            Span<float> rows = _rows.AsSpan(0, places.Length * size);
            network.Forward(_batch, rows, cancellation);
            ResultRows.PutBack(rows, places, output, size);
        }
    }
}
