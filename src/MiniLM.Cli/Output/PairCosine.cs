namespace MiniLM.Cli.Output;

/// <summary>Cosines of pairs of texts, which follow one another in a list.</summary>
internal sealed class PairCosine(BiEncoder encoder, EmbedOptions options)
{
    private float[] _rows = [];

    internal EncodingStatistics Compute(IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        int count = texts.Count * encoder.Dimension;
        if (_rows.Length < count) { _rows = new float[count]; }
        return encoder.Embed(texts, _rows.AsSpan(0, count), options, cancellation);
    }

    /// <summary>Of the pair's two rows.</summary>
    internal float Score(int pair)
    {
        int width = encoder.Dimension;
        return Of(_rows.AsSpan(2 * pair * width, width), _rows.AsSpan((2 * pair + 1) * width, width));
    }

    /// <summary>a b / (|a| |b|), summed in double; 0 when one of them is all zeros.</summary>
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
