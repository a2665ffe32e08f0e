namespace MiniLM.Data;

/// <summary>Numbers texts from 0 in the order they come, equal ones alike, without keeping them.</summary>
internal sealed class TextNumbers
{
    private readonly Dictionary<UInt128, int> _numbers = [];
    private readonly TextHash _hash = new();

    internal int Of(string text)
    {
        UInt128 hash = _hash.Of(text);
        if (_numbers.TryGetValue(hash, out int number)) { return number; }
        _numbers.Add(hash, _numbers.Count);
        return _numbers.Count - 1;
    }
}
