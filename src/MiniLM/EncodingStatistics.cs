namespace MiniLM;

/// <summary>What a call read.</summary>
/// <param name="Inputs">Texts or pairs.</param>
/// <param name="Tokens">Tokens computed, special tokens included.</param>
/// <param name="Truncated">Inputs that were longer than the limit and lost tokens.</param>
public readonly record struct EncodingStatistics(int Inputs, long Tokens, int Truncated)
{
    /// <summary>What two calls read.</summary>
    public static EncodingStatistics operator +(EncodingStatistics a, EncodingStatistics b) =>
        new(a.Inputs + b.Inputs, a.Tokens + b.Tokens, a.Truncated + b.Truncated);
}
