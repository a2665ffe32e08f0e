namespace MiniLM.Ranking;

/// <summary>a b / (|a| |b|), summed in double; 0 when one of them is all zeros.</summary>
internal static class Cosine
{
    internal static float Of(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double dot = 0, aa = 0, bb = 0;
        for (int i = 0; i < a.Length; i++)
        {
            dot += (double)a[i] * b[i];
            aa += (double)a[i] * a[i];
            bb += (double)b[i] * b[i];
        }
        return aa == 0 || bb == 0 ? 0 : (float)Math.Clamp(dot / Math.Sqrt(aa * bb), -1, 1);
    }
}
