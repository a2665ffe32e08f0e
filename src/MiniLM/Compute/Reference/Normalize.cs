using System.Numerics;

namespace MiniLM.Compute.Reference;

/// <summary>y = x / max(|x|, 1e-12), in place over one row.</summary>
internal static class Normalize
{
    internal static void Forward<T>(Span<T> x) where T : IBinaryFloatingPointIeee754<T>
    {
        T squares = T.Zero;
        foreach (T value in x) { squares += value * value; }
        T norm = T.Max(T.Sqrt(squares), T.CreateChecked(1e-12));
        foreach (ref T value in x) { value /= norm; }
    }

    /// <summary>dx = (dy - y (y dy)) / |x|, in place over one row of dy; below the floor y = x / 1e-12, and dx = dy / 1e-12.</summary>
    internal static void Backward<T>(ReadOnlySpan<T> x, Span<T> dy) where T : IBinaryFloatingPointIeee754<T>
    {
        T squares = T.Zero, dot = T.Zero, floor = T.CreateChecked(1e-12);
        foreach (T value in x) { squares += value * value; }
        T norm = T.Sqrt(squares);
        bool isAbove = norm >= floor;
        norm = T.Max(norm, floor);
        for (int i = 0; i < x.Length; i++) { dot += x[i] / norm * dy[i]; }
        for (int i = 0; i < x.Length; i++) { dy[i] = (isAbove ? dy[i] - x[i] / norm * dot : dy[i]) / norm; }
    }
}
