using System.Numerics;

namespace MiniLM.Evaluation.Statistics;

/// <summary>Sums in the order of numpy's add.reduce: a few partial sums, halves added to each other; the error grows with log n.</summary>
/// <remarks>The order decides whether a sum that should be 0 is 0, and with it a count of "not above 0".</remarks>
internal static class PairwiseSum
{
    private const int Block = 128;

    /// <typeparam name="T">A number, or a vector of some, each of which is summed.</typeparam>
    internal static T Of<T>(ReadOnlySpan<T> values) where T : unmanaged, IAdditionOperators<T, T, T>
    {
        if (values.Length > Block)
        {
            int half = values.Length / 2 / 8 * 8;
            return Of(values[..half]) + Of(values[half..]);
        }
        int whole = values.Length < 8 ? 0 : values.Length / 8 * 8;
        T sum = default;
        if (whole > 0)
        {
            Span<T> parts = stackalloc T[8];
            values[..8].CopyTo(parts);
            for (int i = 8; i < whole; i++) { parts[i % 8] += values[i]; }
            sum = ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]));
        }
        foreach (T value in values[whole..]) { sum += value; }
        return sum;
    }

    /// <summary>NaN of no values.</summary>
    internal static double Mean(ReadOnlySpan<double> values) => Of(values) / values.Length;
}
