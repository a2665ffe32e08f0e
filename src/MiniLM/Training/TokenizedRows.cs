using MiniLM.Batching;
using MiniLM.Data;
using MiniLM.Model;

namespace MiniLM.Training;

/// <summary>Rows of training data as tokens, made by <see cref="TokenizedRowsWriter"/>. A row is one sequence or several: texts, or pairs of texts.</summary>
/// <remarks>Not thread-safe: a trainer is one caller.</remarks>
internal sealed unsafe class TokenizedRows : IDisposable
{
    /// <summary>A token is an int: its id, up to <see cref="Text.TokenizerDefinition.MaxId"/>, and above this many bits its type id.</summary>
    internal const int IdBits = 24;

    private readonly int[] _tokens; // empty where they lie in the file
    private readonly PartialFile? _file;
    private readonly MappedFile? _map;
    private readonly long[] _offsets; // of each sequence's first token, and the end
    private readonly int[] _sequences; // number of each row's first sequence, and the end
    private int[] _ids = [];
    private byte[] _typeIds = [];

    /// <param name="tokens">All of them, where there is no file.</param>
    /// <param name="file">Has all of them, and becomes the rows'; it is deleted with them.</param>
    /// <param name="offsets">[sequences + 1], in tokens.</param>
    /// <param name="sequences">[rows + 1].</param>
    /// <param name="truncated">Sequences that were cut.</param>
    internal TokenizedRows(int[] tokens, PartialFile? file, long[] offsets, int[] sequences, int truncated)
    {
        (_tokens, _file, _offsets, _sequences, Truncated) = (tokens, file, offsets, sequences, truncated);
        _map = file is null ? null : new MappedFile(file);
    }

    internal int Count => _sequences.Length - 1;

    /// <summary>Tokens of all rows.</summary>
    internal long Tokens => _offsets[^1];

    /// <summary>Sequences that were cut.</summary>
    internal int Truncated { get; }

    /// <summary>Sequences of all rows.</summary>
    internal int Sequences => _offsets.Length - 1;

    /// <summary>The number of a row's first sequence among all.</summary>
    internal int FirstSequence(int row) => _sequences[row];

    /// <summary>Sequences of a row.</summary>
    internal int Columns(int row) => _sequences[row + 1] - _sequences[row];

    /// <summary>Tokens of a row's sequences together, by which rows are grouped.</summary>
    internal int Length(int row) => checked((int)(_offsets[_sequences[row + 1]] - _offsets[_sequences[row]]));

    /// <summary>Tokens of one sequence of a row.</summary>
    internal int Length(int row, int column) => (int)(_offsets[Sequence(row, column) + 1] - _offsets[Sequence(row, column)]);

    /// <summary>Appends one sequence of a row to a batch.</summary>
    internal void AddTo(PackedBatch batch, int row, int column, Architecture architecture)
    {
        int length = Length(row, column);
        if (_ids.Length < length) { (_ids, _typeIds) = (new int[length], new byte[length]); }
        Span<int> ids = _ids.AsSpan(0, length);
        Copy(row, column, ids);
        for (int i = 0; i < length; i++)
        {
            _typeIds[i] = (byte)(ids[i] >> IdBits);
            ids[i] &= (1 << IdBits) - 1;
        }
        batch.Add(ids, _typeIds.AsSpan(0, length), architecture);
    }

    /// <summary>Tokens of one sequence of a row that has no types.</summary>
    internal int[] Ids(int row, int column)
    {
        int[] ids = new int[Length(row, column)];
        Copy(row, column, ids);
        return ids;
    }

    private void Copy(int row, int column, Span<int> to)
    {
        long from = _offsets[Sequence(row, column)];
        if (_map is null)
        {
            _tokens.AsSpan((int)from, to.Length).CopyTo(to);
            return;
        }
        using Lifetime.Inside inside = _map.Lifetime.Enter();
        new ReadOnlySpan<int>((int*)_map.Start + from, to.Length).CopyTo(to);
    }

    private int Sequence(int row, int column)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(column);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(column, Columns(row));
        return _sequences[row] + column;
    }

    public void Dispose()
    {
        _map?.Dispose();
        _file?.Delete();
    }
}
