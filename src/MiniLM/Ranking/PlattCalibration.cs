namespace MiniLM.Ranking;

/// <summary>1 / (1 + e^(A raw + B)) (Platt 1999), the optimum that scikit-learn's sigmoid calibration looks for.</summary>
/// <param name="A">Below 0 where greater scores are more positive.</param>
/// <param name="B">Intercept.</param>
internal sealed record PlattCalibration(double A, double B) : Calibration
{
    private const double Gradient = 1e-10;

    internal override string Method => "platt";

    internal override IEnumerable<(string Name, double[] Values)> Parameters => [("a", [A]), ("b", [B])];

    internal override double Apply(double raw) => Sigmoid(-(A * raw + B));

    /// <summary>Least cross entropy against smoothed targets, (P + 1) / (P + 2) of P positives and 1 / (N + 2) of N negatives, which has one finite
    /// optimum; by Newton's method with backtracking (Lin, Lin and Weng 2007).</summary>
    internal static PlattCalibration Fit(double[] raw, bool[] labels, CancellationToken cancellation = default)
    {
        double positives = labels.Count(label => label), negatives = labels.Length - positives;
        double[] targets = Array.ConvertAll(labels, label => label ? (positives + 1) / (positives + 2) : 1 / (negatives + 2));
        double a = 0, b = Math.Log((negatives + 1) / (positives + 1)), loss = Loss(raw, targets, a, b);
        for (int iteration = 0; iteration < 100; iteration++)
        {
            cancellation.ThrowIfCancellationRequested();
            // d loss / dz = target - p for z = A raw + B; the ridge keeps equal scores from making the matrix singular.
            double ga = 0, gb = 0, haa = 1e-12, hab = 0, hbb = 1e-12;
            for (int i = 0; i < raw.Length; i++)
            {
                double p = Sigmoid(-(a * raw[i] + b)), slope = targets[i] - p, curve = p * (1 - p);
                (ga, gb) = (ga + slope * raw[i], gb + slope);
                (haa, hab, hbb) = (haa + curve * raw[i] * raw[i], hab + curve * raw[i], hbb + curve);
            }
            if (Math.Max(Math.Abs(ga), Math.Abs(gb)) < Gradient) { break; }
            double determinant = haa * hbb - hab * hab, da = -(hbb * ga - hab * gb) / determinant, db = -(haa * gb - hab * ga) / determinant;
            double descent = ga * da + gb * db, step = 1, next = loss;
            // Near the optimum a loss can no longer tell better from worse: a step may then cost what rounding does.
            for (; step > 1e-10; step /= 2)
            {
                next = Loss(raw, targets, a + step * da, b + step * db);
                if (next <= loss + 1e-4 * step * descent + 1e-14 * loss) { break; }
            }
            if (step <= 1e-10) { break; }
            (a, b, loss) = (a + step * da, b + step * db, next);
        }
        return new PlattCalibration(a, b);
    }

    // -t ln p - (1 - t) ln (1 - p) = ln(1 + e^z) - (1 - t) z, without overflow.
    private static double Loss(double[] raw, double[] targets, double a, double b)
    {
        double loss = 0;
        for (int i = 0; i < raw.Length; i++)
        {
            double z = a * raw[i] + b;
            loss += Math.Max(z, 0) + double.LogP1(Math.Exp(-Math.Abs(z))) - (1 - targets[i]) * z;
        }
        return loss;
    }
}
