namespace MiniLM.Data;

/// <summary>Ids seen so far.</summary>
internal sealed class KnownIds
{
    private readonly HashSet<UInt128> _seen = [];
    private readonly TextHash _hash = new();

    /// <summary>False when the id was there before.</summary>
    internal bool Add(string id) => _seen.Add(_hash.Of(id));
}
