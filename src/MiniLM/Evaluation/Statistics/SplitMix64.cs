namespace MiniLM.Evaluation.Statistics;

/// <summary>SplitMix64 (Steele, Lea, Flood 2014): a generator whose numbers are the same on every runtime, as a published result needs.</summary>
/// <param name="seed">Any number.</param>
internal sealed class SplitMix64(ulong seed)
{
    private ulong _state = seed;

    internal ulong Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }

    /// <summary>A number below the limit: the upper half of a product, whose bias is below limit / 2^64.</summary>
    internal int Next(int limit) => (int)Math.BigMul(Next(), (ulong)limit, out _);
}
