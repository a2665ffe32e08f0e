using System.Runtime.InteropServices;

namespace MiniLM.Data.Duplicates;

/// <summary>Texts by shingle.</summary>
internal sealed class ShingleIndex
{
    // A shingle's last place; each place knows the next, the last one the first: most shingles have one or two, of which a list each would be too much.
    private readonly Dictionary<ulong, (int Last, int Count)> _shingles = [];
    private readonly List<(int Text, int Next)> _places = [];

    /// <summary>Adds a text, whose number is above all that are there.</summary>
    internal void Add(ReadOnlySpan<ulong> shingles, int text)
    {
        foreach (ulong shingle in shingles)
        {
            int place = _places.Count;
            ref (int Last, int Count) known = ref CollectionsMarshal.GetValueRefOrAddDefault(_shingles, shingle, out bool exists);
            _places.Add((text, exists ? _places[known.Last].Next : place));
            if (exists) { _places[known.Last] = _places[known.Last] with { Next = place }; }
            known = (place, known.Count + 1);
        }
    }

    /// <summary>How many texts some shingles have, one that has several counted as often.</summary>
    internal long Count(ReadOnlySpan<ulong> shingles)
    {
        long count = 0;
        foreach (ulong shingle in shingles) { count += _shingles.GetValueOrDefault(shingle).Count; }
        return count;
    }

    /// <summary>The texts of a shingle, in rising order.</summary>
    internal IEnumerable<int> Texts(ulong shingle)
    {
        if (!_shingles.TryGetValue(shingle, out (int Last, int Count) known)) { yield break; }
        int place = known.Last;
        do
        {
            place = _places[place].Next;
            yield return _places[place].Text;
        }
        while (place != known.Last);
    }
}
