namespace MiniLM.Evaluation.Statistics;

/// <summary>The regularised incomplete beta function: the tails of Student's t and of the binomial are values of it.</summary>
internal static class IncompleteBeta
{
    private const double Tiny = 1e-300; // Lentz's method must not divide by zero

    /// <summary>I_x(a, b), to about 1e-12 relative for a and b up to some thousands.</summary>
    /// <param name="x">0 to 1.</param>
    /// <param name="complement">1 - x, given apart: near 1 a difference would have lost the digits.</param>
    /// <param name="a">Above 0.</param>
    /// <param name="b">Above 0.</param>
    /// <remarks>The continued fraction DLMF 8.17.22. It converges fast below the mean a / (a + b); above it 1 - I_{1-x}(b, a) is taken.</remarks>
    internal static double Regularized(double x, double complement, double a, double b)
    {
        if (double.IsNaN(x)) { return x; }
        if (x <= 0) { return 0; }
        if (complement <= 0) { return 1; }
        return x <= (a + 1) / (a + b + 2) ? Lower(x, complement, a, b) : 1 - Lower(complement, x, b, a);
    }

    private static double Lower(double x, double complement, double a, double b)
    {
        double log = a * Math.Log(x) + b * Math.Log(complement) + LogGamma(a + b) - LogGamma(a) - LogGamma(b);
        return Math.Exp(log) * Fraction(x, a, b) / a;
    }

    // Lentz's method (Thompson and Barnett 1986) for 1 / (1 + d1 / (1 + d2 / (1 + ...))).
    private static double Fraction(double x, double a, double b)
    {
        double c = 1, d = 1 / NonZero(1 - (a + b) * x / (a + 1)), value = d;
        for (int m = 1; m < 100_000; m++)
        {
            double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
            double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
            value *= Factor(even, ref c, ref d);
            double last = Factor(odd, ref c, ref d);
            value *= last;
            if (Math.Abs(last - 1) < 1e-15) { break; }
        }
        return value;
    }

    private static double Factor(double numerator, ref double c, ref double d)
    {
        c = NonZero(1 + numerator / c);
        d = 1 / NonZero(1 + numerator * d);
        return c * d;
    }

    private static double NonZero(double value) => Math.Abs(value) < Tiny ? Tiny : value;

    /// <summary>ln Gamma(x) for x above 0: Stirling's series (DLMF 5.11.1), behind the recurrence for a small x.</summary>
    private static double LogGamma(double x)
    {
        double product = 1;
        for (; x < 12; x++) { product *= x; }
        double r = 1 / (x * x);
        double series = (1.0 / 12 - r * (1.0 / 360 - r * (1.0 / 1260 - r * (1.0 / 1680 - r * (1.0 / 1188 - r * 691 / 360360))))) / x;
        return (x - 0.5) * Math.Log(x) - x + 0.5 * Math.Log(2 * Math.PI) + series - Math.Log(product);
    }
}
