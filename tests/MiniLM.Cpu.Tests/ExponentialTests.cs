namespace MiniLM.Cpu.Tests;

public sealed unsafe class ExponentialTests
{
    [Fact]
    public void Power2_IsAlmostRoundedRight()
    {
        Check<Lanes256>();
        Check<Lanes128>();
        Check<Lanes1>();
    }

    private static void Check<TLanes>() where TLanes : struct, ILanes<TLanes>
    {
        for (int i = -126_000; i <= 126_000; i += 7)
        {
            float x = i / 1000f;
            double expected = Math.Pow(2, x);
            Tiers.Close(expected, At<TLanes>(x), 1.5 * Math.ScaleB(expected, -24), $"2^{x:R}");
        }
        for (int n = -126; n <= 126; n++) { Assert.Equal(MathF.ScaleB(1, n), At<TLanes>(n)); }
        float[] small = [-126.5f, -127, -150, -1e10f, float.MinValue, float.NegativeInfinity];
        Assert.All(small, x => Assert.Equal(MathF.ScaleB(1, -126), At<TLanes>(x)));
        Assert.True(float.IsNaN(At<TLanes>(float.NaN)));
    }

    private static float At<TLanes>(float x) where TLanes : struct, ILanes<TLanes>
    {
        float* y = stackalloc float[TLanes.Count];
        new Exponential<TLanes>().Power2(TLanes.Create(x)).Store(y);
        Assert.False(new Span<float>(y, TLanes.Count).ContainsAnyExcept(y[0]));
        return y[0];
    }

    [Fact]
    public void Fit_MeetsAPolynomialOfItsDegreeAndAFunctionAtItsPoints()
    {
        double[] p = Polynomial.Fit(x => 3 - 2 * x + 0.5 * x * x - 7 * x * x * x, 0.7, 3);
        foreach ((double expected, double actual) in new[] { 3, -2, 0.5, -7 }.Zip(p)) { Assert.Equal(expected, actual, 1e-13); }
        // Between its points too: degree 9 of e^x over [-1, 1] errs by 2^-9 / 10! at most, times e.
        double[] exponential = Polynomial.Fit(Math.Exp, 1, 9);
        for (double x = -1; x <= 1; x += 0.01)
        {
            double sum = 0;
            for (int i = 9; i >= 0; i--) { sum = sum * x + exponential[i]; }
            Assert.Equal(Math.Exp(x), sum, 1.5e-9);
        }
    }

    [Fact]
    public void HalfErf_AgreesWithTheComplementaryErrorFunction()
    {
        for (double x = 0; x < 8; x += 0.03) { Assert.Equal(0.5 - 0.5 * Compute.Reference.Erf.Complement(x / Math.Sqrt(2)), Polynomial.HalfErf(x), 1e-15); }
    }
}
