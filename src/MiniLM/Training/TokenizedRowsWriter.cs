using System.Runtime.InteropServices;
using MiniLM.Data;
using MiniLM.Text;

namespace MiniLM.Training;

/// <summary>Tokenizes training data, once for all epochs. Tokens stay in memory up to a limit, and beyond it in a file that is gone when they are.</summary>
internal sealed class TokenizedRowsWriter : IDisposable
{
    /// <summary>1 GiB of tokens.</summary>
    internal const int DefaultTokensInMemory = 1 << 28;

    private const int TokensOfAWrite = 1 << 16; // the stream copies what it writes

    private readonly WordPieceTokenizer _tokenizer;
    private readonly int _maxLength, _tokensInMemory;
    private readonly string _path;
    private readonly CancellationToken _cancellation;
    private readonly byte[] _typeIds;
    private readonly List<long> _offsets = [0];
    private readonly List<int> _sequences = [0];
    private int[] _tokens = [];
    private int _held, _truncated; // tokens in memory; sequences that were cut
    private PartialFile? _file;

    /// <param name="tokenizer">The model's.</param>
    /// <param name="maxLength">Longest sequence in tokens; longer ones are cut, of pairs the longer text first.</param>
    /// <param name="path">Of the file, should there be one. What an earlier run left there is replaced.</param>
    /// <param name="tokensInMemory">The limit, 4 bytes a token.</param>
    /// <param name="cancellation">Looked at for every sequence.</param>
    internal TokenizedRowsWriter(WordPieceTokenizer tokenizer, int maxLength, string path, int tokensInMemory = DefaultTokensInMemory,
        CancellationToken cancellation = default)
    {
        (_tokenizer, _maxLength, _path, _tokensInMemory, _cancellation) = (tokenizer, maxLength, path, tokensInMemory, cancellation);
        _typeIds = new byte[maxLength];
    }

    /// <summary>A path that no other writer has, in a folder.</summary>
    internal static string PathIn(string folder) => Path.Combine(folder, $"tokens-{Environment.ProcessId}-{Guid.NewGuid():N}");

    /// <summary>A text as the row's next sequence.</summary>
    /// <param name="text">The text.</param>
    /// <param name="prompt">Put before it.</param>
    internal void Add(string text, string? prompt = null)
    {
        Span<int> tokens = Room();
        int length = _tokenizer.Encode(prompt is null ? text : prompt + text, _maxLength, tokens, out bool truncated);
        Added(length, truncated);
    }

    /// <summary>A pair of texts as the row's next sequence.</summary>
    internal void AddPair(string first, string second)
    {
        Span<int> tokens = Room();
        int length = _tokenizer.Encode(first, second, _maxLength, Truncation.LongestFirst, tokens, _typeIds, out bool truncated);
        for (int i = 0; i < length; i++) { tokens[i] |= _typeIds[i] << TokenizedRows.IdBits; }
        Added(length, truncated);
    }

    /// <summary>A text of a pair, without special tokens, as the row's next sequence.</summary>
    /// <returns>How many tokens it has; as many as a pair has room for are kept.</returns>
    internal int AddPart(string text)
    {
        int count = _tokenizer.EncodePart(text, Room()[..^_tokenizer.SpecialTokenCount(pair: true)], out int length);
        Added(length, truncated: false);
        return count;
    }

    /// <summary>What was added since the last row is a row.</summary>
    internal void EndRow() => _sequences.Add(_offsets.Count - 1);

    /// <summary>All rows; the writer is of no use afterwards.</summary>
    internal TokenizedRows Complete()
    {
        if (_file is not null) { Write(); }
        TokenizedRows rows = new(_file is null ? _tokens : [], _file, [.. _offsets], [.. _sequences], _truncated);
        _file = null;
        return rows;
    }

    private Span<int> Room()
    {
        _cancellation.ThrowIfCancellationRequested();
        if ((long)_held + _maxLength > _tokensInMemory) { Write(); }
        int needed = _held + _maxLength;
        if (_tokens.Length < needed) { Array.Resize(ref _tokens, Math.Max(needed, (int)Math.Min(2L * needed, _tokensInMemory))); }
        return _tokens.AsSpan(_held, _maxLength);
    }

    private void Added(int length, bool truncated)
    {
        _held += length;
        _offsets.Add(_offsets[^1] + length);
        if (truncated) { _truncated++; }
    }

    private void Write()
    {
        _file ??= CreateFile();
        for (int first = 0; first < _held; first += TokensOfAWrite)
        {
            _file.Write(MemoryMarshal.AsBytes(_tokens.AsSpan(first, Math.Min(TokensOfAWrite, _held - first))));
        }
        _held = 0;
    }

    // A file that is open needs no name, and without one nothing is left of it however the run ends. Windows deletes it when it is closed.
    private PartialFile CreateFile()
    {
        PartialFile file = PartialFile.Create(_path, _cancellation);
        if (!OperatingSystem.IsWindows()) { File.Delete(_path); }
        return file;
    }

    /// <summary>Without <see cref="Complete"/> the file goes too.</summary>
    public void Dispose() => _file?.Delete();
}
