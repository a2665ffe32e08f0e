namespace MiniLM;

/// <summary>A result that is NaN or infinite: it never leaves the engine silently.</summary>
/// <param name="index">Which input of the call, from 0.</param>
public sealed class NonFiniteResultException(int index)
    : Exception($"input {index}: the result is not a finite number. Run 'minilm inspect' on the model: its weights may be damaged or overflow.")
{
    /// <summary>Which input of the call, from 0.</summary>
    public int Index => index;

    /// <summary>The same of a call of which this one was a part.</summary>
    /// <param name="first">Inputs before the part.</param>
    internal NonFiniteResultException After(long first) => new((int)(first + index));
}
