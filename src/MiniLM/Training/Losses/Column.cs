using System.Numerics;

namespace MiniLM.Training.Losses;

/// <summary>Values in rows, and d loss / d values beside them, which a loss adds to: a column of a batch, or a trained matrix of a loss.</summary>
/// <param name="values">[rows, width].</param>
/// <param name="width">Of a row.</param>
internal sealed class Column<T>(ReadOnlyMemory<T> values, int width) where T : IBinaryFloatingPointIeee754<T>
{
    private readonly T[] _gradient = new T[values.Length];

    internal int Rows { get; } = values.Length / width;

    internal int Width => width;

    internal ReadOnlySpan<T> Values => values.Span;

    internal Span<T> Gradient => _gradient;

    internal ReadOnlySpan<T> this[int row] => values.Span.Slice(row * width, width);

    internal Span<T> GradientOf(int row) => _gradient.AsSpan(row * width, width);
}
