namespace MiniLM.Compute;

/// <summary>x / max(|x|, 1e-12), in place over one row.</summary>
/// <remarks>The sum is in double: squares of 1e-20 and 1e30 must neither vanish nor overflow, and one row a sequence costs nothing.</remarks>
internal static class UnitLength
{
    /// <returns>What it was divided by.</returns>
    internal static double Normalize(Span<float> x)
    {
        double squares = 0;
        foreach (float value in x) { squares += (double)value * value; }
        double norm = Math.Max(Math.Sqrt(squares), 1e-12);
        foreach (ref float value in x) { value = (float)(value / norm); }
        return norm;
    }
}
