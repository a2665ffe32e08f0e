namespace MiniLM.Compute.Reference;

/// <summary>The complementary error function in double, to about 1e-15 relative.</summary>
internal static class Erf
{
    /// <summary>erfc(x) = 1 - erf(x).</summary>
    /// <remarks>
    /// Below 2: 1 - 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (1*3*...*(2n+1)) (Abramowitz and Stegun 7.1.6), all terms positive.
    /// Above: the continued fraction 7.1.14, evaluated from its tail.
    /// </remarks>
    internal static double Complement(double x)
    {
        if (double.IsNaN(x)) { return x; }
        if (x < 0) { return 2 - Complement(-x); }
        if (x > 27) { return 0; } // below the smallest denormal
        double density = Math.Exp(-x * x) / Math.Sqrt(Math.PI);
        if (x < 2)
        {
            double term = x, sum = x;
            for (int n = 1; term > 1e-18 * sum; n++) { sum += term *= 2 * x * x / (2 * n + 1); }
            return 1 - 2 * density * sum;
        }
        double tail = x;
        for (int n = 120; n > 0; n--) { tail = x + n / 2.0 / tail; }
        return density / tail;
    }
}
