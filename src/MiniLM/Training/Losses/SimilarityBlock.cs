using System.Numerics;

namespace MiniLM.Training.Losses;

/// <summary>Similarities of some rows with all others, a few rows at a time, so that the whole matrix never exists.</summary>
/// <param name="left">[rows, width], or more rows.</param>
/// <param name="right">[columns, width].</param>
internal sealed class SimilarityBlock<T>(UnitRows<T> left, UnitRows<T> right) where T : IBinaryFloatingPointIeee754<T>
{
    /// <summary>Rows at a time.</summary>
    internal const int Rows = 64;

    private readonly T[] _values = new T[Rows * right.Rows];
    private readonly int _width = left.Width;
    private int _first;

    internal int Columns { get; } = right.Rows;

    /// <summary>Of a row of this block, from 0: similarities, or, before <see cref="Backward"/>, their gradients.</summary>
    internal Span<T> this[int row] => _values.AsSpan(row * Columns, Columns);

    internal void Forward(int first, int rows)
    {
        _first = first;
        RowProducts.Scalar(Part(left.Values, rows), right.Values, _width, _values.AsSpan(0, rows * Columns));
    }

    internal void Backward(int rows)
    {
        ReadOnlySpan<T> gradient = _values.AsSpan(0, rows * Columns);
        RowProducts.AddProduct<T>(gradient, right.Values, _width, Part(left.Gradient, rows));
        RowProducts.AddTransposedProduct<T>(gradient, Part(left.Values, rows), _width, right.Gradient);
    }

    private Span<T> Part(T[] of, int rows) => of.AsSpan(_first * _width, rows * _width);
}
