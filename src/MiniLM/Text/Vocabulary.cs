using System.Text;

namespace MiniLM.Text;

/// <summary>
/// All token texts as one block of UTF-8, with a table of the pieces that begin a word (every token) and one of those that continue it (tokens that
/// begin with the prefix, keyed by the rest). No string is made until somebody asks for one.
/// </summary>
internal sealed class Vocabulary
{
    private readonly byte[] _block;
    private readonly int[] _entryOfId;
    private readonly (int Offset, int Length, int Id)[] _entries;

    /// <param name="block">The texts.</param>
    /// <param name="entries">Place and id of each text, in the order of the file.</param>
    /// <param name="prefix">continuing_subword_prefix.</param>
    /// <param name="file">For error messages.</param>
    internal Vocabulary(byte[] block, (int Offset, int Length, int Id)[] entries, ReadOnlySpan<byte> prefix, string file)
    {
        _block = block;
        _entries = entries;
        int size = 0;
        int longCount = 0;
        int continuations = 0;
        int longContinuations = 0;
        foreach ((int offset, int length, int id) in entries)
        {
            size = Math.Max(size, id + 1);
            if (length > ShortKey.MaxLength) { longCount++; }
            if (!Continues(offset, length, prefix)) { continue; }
            continuations++;
            if (length - prefix.Length > ShortKey.MaxLength) { longContinuations++; }
        }
        Size = size;
        _entryOfId = new int[size];
        Words = new PieceTable(block, entries.Length - longCount, longCount);
        Continuations = new PieceTable(block, continuations - longContinuations, longContinuations);
        for (int index = 0; index < entries.Length; index++)
        {
            (int offset, int length, int id) = entries[index];
            ref int entry = ref _entryOfId[id];
            if (entry != 0)
            {
                throw new TokenizerException(
                    $"{file}: id {id} belongs to '{Text(entries[entry - 1])}' and to '{Text(entries[index])}'. Every token needs its own id.");
            }
            entry = index + 1;
            if (length == 0) { continue; }
            Words.Add(offset, length, id);
            if (Continues(offset, length, prefix)) { Continuations.Add(offset + prefix.Length, length - prefix.Length, id); }
        }
    }

    /// <summary>Largest id + 1.</summary>
    internal int Size { get; }

    internal PieceTable Words { get; }

    internal PieceTable Continuations { get; }

    /// <summary>Text of a token; null when the id has none.</summary>
    internal string? Text(int id) => (uint)id < (uint)_entryOfId.Length && _entryOfId[id] != 0 ? Text(_entries[_entryOfId[id] - 1]) : null;

    internal int? Find(string token)
    {
        int id = Words.Find(Encoding.UTF8.GetBytes(token));
        return id < 0 ? null : id;
    }

    // Most tokens fail at the first byte. With an empty prefix every token also continues a word.
    private bool Continues(int offset, int length, ReadOnlySpan<byte> prefix)
    {
        return length > prefix.Length && (prefix.IsEmpty || (_block[offset] == prefix[0] && _block.AsSpan(offset, prefix.Length).SequenceEqual(prefix)));
    }

    private string Text((int Offset, int Length, int Id) entry) => Encoding.UTF8.GetString(_block, entry.Offset, entry.Length);
}
