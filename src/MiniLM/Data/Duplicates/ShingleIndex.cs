using System.Runtime.InteropServices;

namespace MiniLM.Data.Duplicates;

/// <summary>Texts by shingle.</summary>
internal sealed class ShingleIndex
{
    // A shingle's last place; each place knows the next, the last one the first: most shingles have one or two, of which a list each would be too much.
    private readonly Dictionary<ulong, int> _last = [];
    private readonly List<(int Text, int Next)> _places = [];

    /// <summary>Adds a text, whose number is above all that are there.</summary>
    internal void Add(ReadOnlySpan<ulong> shingles, int text)
    {
        foreach (ulong shingle in shingles)
        {
            int place = _places.Count;
            ref int last = ref CollectionsMarshal.GetValueRefOrAddDefault(_last, shingle, out bool exists);
            _places.Add((text, exists ? _places[last].Next : place));
            if (exists) { _places[last] = _places[last] with { Next = place }; }
            last = place;
        }
    }

    /// <summary>The texts of a shingle, in rising order.</summary>
    internal IEnumerable<int> Texts(ulong shingle)
    {
        if (!_last.TryGetValue(shingle, out int last)) { yield break; }
        int place = last;
        do
        {
            place = _places[place].Next;
            yield return _places[place].Text;
        }
        while (place != last);
    }
}
