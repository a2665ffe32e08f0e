using MiniLM.Compute;
using MiniLM.Model;

namespace MiniLM.Batching;

/// <summary>Inputs through a network: tokenized a window at a time, run longest first in packed batches, results back in the order they came.</summary>
internal sealed class SequenceRunner(DeviceNetwork network, Architecture architecture)
{
    private readonly TokenWindow _window = new();
    private readonly LongestFirst _longestFirst = new(network);

    /// <summary>Encodes and runs inputs, window after window.</summary>
    /// <param name="encode">The tokenizer.</param>
    /// <param name="maxLength">Longest input in tokens.</param>
    /// <param name="batchTokens">Rows of one batch, a single longer input is a batch of its own; null: as suits the device.</param>
    /// <param name="promptRows">Rows at each input's start that pooling leaves out.</param>
    /// <param name="output">[inputs, size], in the order of the inputs.</param>
    /// <param name="size">Width of a result.</param>
    /// <param name="cancellation">Looked at between inputs that are tokenized, and within a batch.</param>
    /// <exception cref="NonFiniteResultException">A result is NaN or infinite.</exception>
    internal EncodingStatistics Run(
        TokenWindow.Encode encode, int maxLength, int? batchTokens, int promptRows, Span<float> output, int size, CancellationToken cancellation)
    {
        int inputs = output.Length / size;
        EncodingStatistics total = default;
        LongestFirst.Add add = (batch, place) => batch.Add(_window.Ids(place), _window.TypeIds(place), architecture);
        for (int first = 0; first < inputs; first += _window.Count)
        {
            _window.Clear();
            _window.Add(encode, first, Math.Min(first + TokenWindow.Capacity, inputs), maxLength, cancellation);
            total += new EncodingStatistics(_window.Count, _window.Tokens, _window.Truncated);
            Span<float> rows = output.Slice(first * size, _window.Count * size);
            try { _longestFirst.Run(_window.Lengths, add, batchTokens ?? network.BatchTokens, promptRows, rows, size, cancellation); }
            catch (NonFiniteResultException error) { throw error.After(first); }
        }
        return total;
    }
}
