using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Training.Losses;

namespace MiniLM.Training;

/// <summary>A loss over rows of a data set, through a network: forward, loss, backward.</summary>
/// <remarks>
/// What has more sequences than the loss's mini-batch size (<see cref="BiEncoderLoss.MiniBatchSize"/>), or more tokens than are computed at a time, is cut
/// into parts, and no activations outlive one: each is computed once for the outputs of all, and, when the loss has given their gradients, once more to go
/// back (Gao et al. 2021, arXiv:2101.06983). Dropout is a function of a token's number, so the second pass is the first one again. Parts follow from the
/// data, so that bits do not depend on threads.
/// </remarks>
internal abstract class Objective
{
    private readonly TrainingNetwork _network;
    private readonly string _loss;
    private readonly TokenizedRows _tokens;
    private readonly int _microBatchTokens;
    private readonly PackedBatch _batch = new();
    private readonly List<BatchSequence> _sequences = [];
    private float[] _outputs = [], _gradients = [];

    /// <param name="network">What is trained.</param>
    /// <param name="loss">Its name, for messages.</param>
    /// <param name="data">At least a row.</param>
    /// <param name="seed">Of dropout.</param>
    /// <param name="microBatchTokens">Most tokens computed at a time.</param>
    private protected Objective(TrainingNetwork network, string loss, TrainingRows data, ulong seed, int microBatchTokens)
    {
        LossDataException.ThrowIf(data.Tokens.Count == 0, $"{loss}: there are no rows to train on.");
        (_network, _loss, Data, _tokens, Seed, _microBatchTokens) = (network, loss, data, data.Tokens, seed, microBatchTokens);
    }

    private protected TrainingRows Data { get; }

    /// <summary>Of dropout, and with <see cref="Step"/> of what is drawn.</summary>
    private protected ulong Seed { get; }

    /// <summary>Of the run, of the micro-batch that is computed; 0 where only the loss is measured.</summary>
    private protected uint Step { get; private set; }

    /// <summary>Of a sequence's output.</summary>
    private protected int OutputSize => _network.Parameters.Network.OutputSize;

    /// <summary>Sequences computed at a time; null: all.</summary>
    private protected abstract int? MiniBatchSize { get; }

    /// <summary>A micro-batch's sequences in the order of its outputs.</summary>
    /// <param name="rows">Of the data set.</param>
    /// <param name="sequences">Takes them.</param>
    private protected abstract void Order(ReadOnlySpan<int> rows, List<BatchSequence> sequences);

    /// <summary>The loss of a micro-batch.</summary>
    /// <param name="rows">Of the data set.</param>
    /// <param name="outputs">[sequences, OutputSize], in <see cref="Order"/>.</param>
    /// <param name="gradients">As long, overwritten.</param>
    private protected abstract double Loss(int[] rows, ReadOnlyMemory<float> outputs, Span<float> gradients);

    /// <summary>Adds the gradients that the last <see cref="Loss"/> has for what it trains itself.</summary>
    private protected virtual void AddOwnGradients(double weight) { }

    /// <summary>Moves what the loss trains itself, when the network has moved.</summary>
    /// <param name="options">As for the network.</param>
    /// <param name="isTaken">False: nothing moved; gradients are forgotten.</param>
    internal virtual void StepOwn(StepOptions options, bool isTaken) { }

    /// <summary>Adds the gradient of a micro-batch to the parameters'.</summary>
    /// <param name="batch">Its rows.</param>
    /// <param name="weight">What the gradient is multiplied by: the micro-batch's share of its step, and the loss scale.</param>
    /// <param name="cancellation">Looked at all along; gradients are undefined after it.</param>
    /// <returns>The loss, without the weight.</returns>
    /// <exception cref="LossDataException">The rows are not what the loss takes.</exception>
    internal double Add(MicroBatch batch, double weight, CancellationToken cancellation = default)
    {
        int count = Begin(batch.Rows, batch.Step), size = OutputSize;
        int[] firstTokens = NumberTokens(batch);
        List<(int First, int End)> parts = Parts(batch.Rows);
        foreach ((int first, int end) in parts) { Forward(first, end); }
        Span<float> gradients = _gradients.AsSpan(0, count * size);
        double loss = Loss(batch.Rows, _outputs.AsMemory(0, count * size), gradients);
        foreach (ref float gradient in gradients) { gradient = (float)(gradient * weight); }
        AddOwnGradients(weight);
        foreach ((int first, int end) in parts)
        {
            if (parts.Count > 1) { Forward(first, end); }
            _network.Backward(0, gradients[(first * size)..(end * size)], cancellation);
        }
        return loss;

        void Forward(int first, int end) => _network.ForwardSaving(Fill(batch.Rows, first, end), 0, new StepDropout(Seed, batch.Step, firstTokens[first..end]),
            _outputs.AsSpan(first * size, (end - first) * size), cancellation);
    }

    /// <summary>Tokens of the last micro-batch.</summary>
    internal int Tokens(ReadOnlySpan<int> rows)
    {
        int sum = 0;
        foreach (BatchSequence sequence in _sequences) { sum = checked(sum + Length(rows, sequence)); }
        return sum;
    }

    /// <summary>The loss of a micro-batch by outputs that are there, but those of what is drawn: the same at every call; no gradient changes.</summary>
    internal double Evaluate(int[] rows, SequenceOutputs outputs, CancellationToken cancellation)
    {
        int count = Begin(rows, step: 0), size = OutputSize, together = MiniBatchSize ?? count;
        for (int first = 0, end; first < count; first = end)
        {
            end = first + 1;
            if (!_sequences[first].IsDrawn)
            {
                outputs[rows[_sequences[first].Place], _sequences[first].Column].CopyTo(_outputs.AsSpan(first * size, size));
                continue;
            }
            while (end < count && end < first + together && _sequences[end].IsDrawn) { end++; }
            _network.Forward(Fill(rows, first, end), _outputs.AsSpan(first * size, (end - first) * size), cancellation);
        }
        return Loss(rows, _outputs.AsMemory(0, count * size), _gradients.AsSpan(0, count * size));
    }

    /// <summary>Tokens that the last micro-batch would compute, were each of its columns padded to its longest sequence.</summary>
    internal long PaddedTokens(ReadOnlySpan<int> rows)
    {
        int together = Data.IsList ? _sequences.Count : rows.Length;
        long padded = 0;
        for (int first = 0; first < _sequences.Count; first += together)
        {
            int longest = 0;
            for (int i = first; i < first + together; i++) { longest = Math.Max(longest, Length(rows, _sequences[i])); }
            padded += (long)longest * together;
        }
        return padded;
    }

    /// <summary>
    /// How far the outputs of a micro-batch are from one another without dropout: the root of their variance over that of their squares, 0 to 1; null: there
    /// is one. No gradient changes.
    /// </summary>
    internal double? Spread(int[] rows, CancellationToken cancellation)
    {
        int size = OutputSize, count = Begin(rows, step: 0);
        if (count == 1) { return null; }
        foreach ((int first, int end) in Parts(rows))
        {
            _network.Forward(Fill(rows, first, end), _outputs.AsSpan(first * size, (end - first) * size), cancellation);
        }
        double variance = 0, squares = 0;
        for (int dimension = 0; dimension < size; dimension++)
        {
            double sum = 0, square = 0;
            for (int i = 0; i < count; i++)
            {
                double value = _outputs[i * size + dimension];
                (sum, square) = (sum + value, square + value * value);
            }
            (variance, squares) = (variance + square - sum * sum / count, squares + square);
        }
        return squares == 0 ? 0 : Math.Sqrt(Math.Max(0, variance) / squares);
    }

    private int Begin(int[] rows, uint step)
    {
        Step = step;
        _sequences.Clear();
        Order(rows, _sequences);
        int values = _sequences.Count * OutputSize;
        if (_outputs.Length < values) { (_outputs, _gradients) = (new float[values], new float[values]); }
        return _sequences.Count;
    }

    /// <summary>What is computed at a time of the last micro-batch's sequences.</summary>
    internal List<(int First, int End)> Parts(ReadOnlySpan<int> rows)
    {
        int most = MiniBatchSize ?? int.MaxValue, first = 0, tokens = 0;
        List<(int First, int End)> parts = [];
        for (int i = 0; i < _sequences.Count; i++)
        {
            int length = Length(rows, _sequences[i]);
            if (i > first && (i - first == most || (long)tokens + length > _microBatchTokens))
            {
                parts.Add((first, i));
                (first, tokens) = (i, 0);
            }
            tokens += length;
        }
        parts.Add((first, _sequences.Count));
        return parts;
    }

    private int Length(ReadOnlySpan<int> rows, BatchSequence sequence) => sequence.IsDrawn
        ? Data.Parts!.Length(rows[sequence.Place], rows[sequence.Document], sequence.Column) : _tokens.Length(rows[sequence.Place], sequence.Column);

    // In the order of the data, a row's columns one behind the other, whatever the order of the outputs; behind them what is drawn.
    private int[] NumberTokens(MicroBatch batch)
    {
        int[] firstOfRow = new int[batch.Rows.Length], numbers = new int[_sequences.Count];
        int next = batch.FirstToken;
        for (int place = 0; place < firstOfRow.Length; place++)
        {
            firstOfRow[place] = next;
            next = checked(next + _tokens.Length(batch.Rows[place]));
        }
        for (int i = 0; i < numbers.Length; i++)
        {
            BatchSequence sequence = _sequences[i];
            if (sequence.IsDrawn)
            {
                numbers[i] = next;
                next = checked(next + Length(batch.Rows, sequence));
                continue;
            }
            numbers[i] = firstOfRow[sequence.Place];
            for (int before = 0; before < sequence.Column; before++) { numbers[i] += _tokens.Length(batch.Rows[sequence.Place], before); }
        }
        return numbers;
    }

    private PackedBatch Fill(int[] rows, int first, int end)
    {
        _batch.Clear();
        Architecture architecture = _network.Parameters.Network.Config.Architecture;
        for (int i = first; i < end; i++)
        {
            (int place, int column, int document) = _sequences[i];
            if (_sequences[i].IsDrawn) { Data.Parts!.AddTo(_batch, rows[place], rows[document], column, architecture); }
            else { _tokens.AddTo(_batch, rows[place], column, architecture); }
        }
        return _batch;
    }

    /// <summary>Column by column, all rows of each, which must have as many.</summary>
    /// <param name="rows">Of a micro-batch.</param>
    /// <param name="texts">What the columns are, for the message.</param>
    /// <param name="sequences">Takes them.</param>
    private protected void ByColumn(ReadOnlySpan<int> rows, string texts, List<BatchSequence> sequences)
    {
        int columns = _tokens.Columns(rows[0]);
        foreach (int row in rows)
        {
            int found = _tokens.Columns(row);
            LossDataException.ThrowIf(found != columns, $"{_loss}: row {row + 1} has {found} {texts}, others of its batch {columns}.");
        }
        for (int column = 0; column < columns; column++)
        {
            for (int place = 0; place < rows.Length; place++) { sequences.Add(new(place, column, place)); }
        }
    }
}

/// <summary>A sequence of a micro-batch.</summary>
/// <param name="Place">Of its row among the micro-batch's.</param>
/// <param name="Column">In the row that it is of; of a drawn one in the row whose document it has.</param>
/// <param name="Document">Place of the row whose document the query meets.</param>
internal readonly record struct BatchSequence(int Place, int Column, int Document)
{
    /// <summary>Whether the document is another row's.</summary>
    internal bool IsDrawn => Document != Place;
}
