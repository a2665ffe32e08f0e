namespace MiniLM.Training.Losses;

/// <summary>The CoSENT objective: log(1 + sum over pairs with label_i below label_j of exp(scale (s_i - s_j))).</summary>
/// <remarks>Su 2022, https://kexue.fm/archives/8847. Equal labels make no pair; without any the loss is 0.</remarks>
internal static class RankedPairs
{
    /// <summary>Gives the loss and overwrites the gradient of s.</summary>
    internal static double Compute(ReadOnlySpan<double> s, ReadOnlySpan<double> labels, double scale, Span<double> gradient)
    {
        gradient.Clear();
        double max = 0; // of the 1, which is exp(0)
        for (int i = 0; i < s.Length; i++)
        {
            for (int j = 0; j < s.Length; j++) { if (labels[i] < labels[j]) { max = Math.Max(max, scale * (s[i] - s[j])); } }
        }
        double sum = 0;
        for (int i = 0; i < s.Length; i++)
        {
            for (int j = 0; j < s.Length; j++)
            {
                if (labels[i] >= labels[j]) { continue; }
                double term = Math.Exp(scale * (s[i] - s[j]) - max);
                sum += term;
                gradient[i] += term;
                gradient[j] -= term;
            }
        }
        double all = Math.Exp(-max) + sum;
        foreach (ref double value in gradient) { value *= scale / all; }
        return max + Math.Log(all);
    }
}
