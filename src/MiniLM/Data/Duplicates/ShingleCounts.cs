namespace MiniLM.Data.Duplicates;

/// <summary>In how many texts a shingle is: 2^24 counters (32 MB), whatever the number of texts.</summary>
/// <remarks>Shingles that share a counter are counted together, so that a count is never too small, up to <see cref="ushort.MaxValue"/>.</remarks>
internal sealed class ShingleCounts
{
    private const int Bits = 24;

    private readonly ushort[] _texts = new ushort[1 << Bits];

    /// <summary>Takes a text, as often as it is there.</summary>
    internal void Add(string text)
    {
        foreach (ulong shingle in Shingles.Of(ComparableText.Of(text)))
        {
            ref ushort texts = ref _texts[shingle >> 64 - Bits];
            if (texts < ushort.MaxValue) { texts++; }
        }
    }

    internal ushort Of(ulong shingle) => _texts[shingle >> 64 - Bits];
}
