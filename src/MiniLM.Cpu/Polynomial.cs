namespace MiniLM.Cpu;

/// <summary>Polynomials that kernels use, made at start-up from the function itself rather than copied as digits.</summary>
internal static class Polynomial
{
    /// <summary>2^x on [-1/2, 1/2], constant first; degree 6 is exact to 1.4 * 2^-24.</summary>
    internal static readonly float[] Exp2 = [.. Fit(x => Math.Pow(2, x), 0.5, 6).Select(c => (float)c)];

    /// <summary>Coefficients, constant first, of the polynomial that meets f at the Chebyshev points of [-half, half] (Newton's divided differences).</summary>
    internal static double[] Fit(Func<double, double> f, double half, int degree)
    {
        int n = degree + 1;
        double[] x = new double[n], y = new double[n], p = new double[n];
        for (int i = 0; i < n; i++)
        {
            x[i] = half * Math.Cos(Math.PI * (i + 0.5) / n);
            y[i] = f(x[i]);
        }
        for (int j = 1; j < n; j++)
        {
            for (int i = n - 1; i >= j; i--) { y[i] = (y[i] - y[i - 1]) / (x[i] - x[i - j]); }
        }
        for (int i = n - 1; i >= 0; i--)
        {
            for (int j = n - 1; j > 0; j--) { p[j] = p[j - 1] - x[i] * p[j]; }
            p[0] = y[i] - x[i] * p[0];
        }
        return p;
    }

    /// <summary>Phi(x) - 1/2 for x >= 0 in double: density(x) (x + x^3/3 + x^5/15 + ...), all terms positive.</summary>
    internal static double HalfErf(double x)
    {
        double term = x, sum = x;
        for (int n = 1; n < 300 && term > 1e-18 * sum; n++) { sum += term *= x * x / (2 * n + 1); }
        return sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
    }
}
