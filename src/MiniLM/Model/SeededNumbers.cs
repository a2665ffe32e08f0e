using MiniLM.Data;
using MiniLM.Training;

namespace MiniLM.Model;

/// <summary>Random numbers for a tensor: a function of seed, name and place alone, the same bits on every machine.</summary>
/// <remarks>
/// Normal ones by Marsaglia's polar method (1964): u and v uniform in [-1, 1) with s = u^2 + v^2 below 1 give u and v times sqrt(-2 ln s / s). Pair i and
/// trial t take u and v from Philox with counter (i, t, hash of the name) and key = seed. Only operations that IEEE 754 rounds alike everywhere are used, so
/// the logarithm is our own: that of a C library is not the same on all systems.
/// </remarks>
internal static class SeededNumbers
{
    /// <summary>Normal numbers around 0.</summary>
    internal static unsafe void FillNormal(ulong seed, string name, double deviation, float* values, long count)
    {
        ulong hash = Hash(name);
        for (long i = 0; i < count; i += 2)
        {
            (double first, double second) = Pair(seed, hash, checked((uint)(i / 2)));
            values[i] = (float)(deviation * first);
            if (i + 1 < count) { values[i + 1] = (float)(deviation * second); }
        }
    }

    /// <summary>Uniform numbers from <paramref name="middle"/> - spread to below middle + spread.</summary>
    internal static void FillUniform(ulong seed, string name, double middle, double spread, Span<float> values)
    {
        ulong hash = Hash(name);
        for (int i = 0; i < values.Length; i++)
        {
            (uint low, uint high, _, _) = Philox.Words((uint)i, 0, (uint)hash, (uint)(hash >> 32), (uint)seed, (uint)(seed >> 32));
            values[i] = (float)(middle + spread * Uniform(low, high));
        }
    }

    private static ulong Hash(string name) => (ulong)new TextHash().Of(name);

    private static (double First, double Second) Pair(ulong seed, ulong hash, uint index)
    {
        for (uint trial = 0; ; trial++)
        {
            (uint a, uint b, uint c, uint d) = Philox.Words(index, trial, (uint)hash, (uint)(hash >> 32), (uint)seed, (uint)(seed >> 32));
            double u = Uniform(a, b), v = Uniform(c, d), s = u * u + v * v;
            if (s is 0 or >= 1) { continue; }
            double factor = Math.Sqrt(-2 * Log(s) / s);
            return (u * factor, v * factor);
        }
    }

    // 53 bits to [-1, 1).
    private static double Uniform(uint low, uint high) => (((ulong)high << 32 | low) >> 11) * (1.0 / (1L << 52)) - 1;

    /// <summary>The natural logarithm of a positive normal number, to 1e-15 of it: ln m 2^e = e ln 2 + 2 artanh((m - 1) / (m + 1)).</summary>
    internal static double Log(double x)
    {
        long bits = BitConverter.DoubleToInt64Bits(x);
        int exponent = (int)(bits >> 52) - 1023;
        double m = BitConverter.Int64BitsToDouble(bits & 0xFFFFFFFFFFFFF | 1023L << 52);
        if (m > 1.4142135623730951) { (m, exponent) = (m / 2, exponent + 1); }
        double t = (m - 1) / (m + 1), square = t * t, sum = 0; // |t| < 0.172: the twelfth term is below 1e-17
        for (int k = 11; k >= 0; k--) { sum = sum * square + 1.0 / (2 * k + 1); }
        return exponent * 0.6931471805599453 + 2 * t * sum;
    }
}
