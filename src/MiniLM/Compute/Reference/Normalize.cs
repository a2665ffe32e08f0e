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
}
