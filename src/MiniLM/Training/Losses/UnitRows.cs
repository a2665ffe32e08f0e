using System.Numerics;

namespace MiniLM.Training.Losses;

/// <summary>What a similarity of two embeddings is.</summary>
internal enum Similarity
{
    /// <summary>The scalar product of the rows divided by their norms.</summary>
    Cosine,

    /// <summary>The scalar product.</summary>
    Dot,
}

/// <summary>The rows of some columns, one column after another, each divided by its norm (for cosines), and the gradient of these.</summary>
internal sealed class UnitRows<T> where T : IBinaryFloatingPointIeee754<T>
{
    private readonly IReadOnlyList<Column<T>> _columns;
    private readonly T[] _norms;
    private readonly T _floor;
    private readonly Similarity _similarity;

    /// <summary>Copies.</summary>
    /// <param name="columns">Of equal width.</param>
    /// <param name="similarity">For a scalar product rows stay as they are.</param>
    /// <param name="width">Values of a row that are taken, the first ones; 0 takes all.</param>
    /// <param name="floor">What a smaller norm counts as.</param>
    internal UnitRows(IReadOnlyList<Column<T>> columns, Similarity similarity = Similarity.Cosine, int width = 0, double floor = PairMeasure.NormFloor)
    {
        (_columns, _similarity, _floor) = (columns, similarity, T.CreateTruncating(floor));
        Width = width > 0 ? width : columns[0].Width;
        Rows = columns.Sum(column => column.Rows);
        (Values, Gradient, _norms) = (new T[Rows * Width], new T[Rows * Width], new T[Rows]);
        int row = 0;
        foreach (Column<T> column in columns)
        {
            for (int i = 0; i < column.Rows; i++, row++) { _norms[row] = Divide(column[i][..Width], this[row]); }
        }
    }

    internal int Rows { get; }

    internal int Width { get; }

    internal T[] Values { get; }

    internal T[] Gradient { get; }

    internal Span<T> this[int row] => Values.AsSpan(row * Width, Width);

    internal Span<T> GradientOf(int row) => Gradient.AsSpan(row * Width, Width);

    // Gives the norm.
    private T Divide(ReadOnlySpan<T> x, Span<T> unit)
    {
        x.CopyTo(unit);
        if (_similarity == Similarity.Dot) { return T.One; }
        double squares = 0;
        foreach (T value in x) { squares += double.CreateTruncating(value) * double.CreateTruncating(value); }
        T norm = T.CreateTruncating(Math.Sqrt(squares)), divisor = T.Max(norm, _floor);
        foreach (ref T value in unit) { value /= divisor; }
        return norm;
    }

    /// <summary>Adds the gradient to that of the columns: dx = (du - u (u du)) / |x|; below the floor u = x / floor, and dx = du / floor.</summary>
    internal void Backward()
    {
        int row = 0;
        foreach (Column<T> column in _columns)
        {
            for (int i = 0; i < column.Rows; i++, row++) { Backward(row, column.GradientOf(i)); }
        }
    }

    private void Backward(int row, Span<T> gradient)
    {
        ReadOnlySpan<T> unit = this[row], by = GradientOf(row);
        bool isDivided = _similarity == Similarity.Cosine;
        T along = T.Zero, norm = isDivided ? T.Max(_norms[row], _floor) : T.One;
        if (isDivided && _norms[row] >= _floor)
        {
            for (int i = 0; i < unit.Length; i++) { along += unit[i] * by[i]; }
        }
        for (int i = 0; i < unit.Length; i++) { gradient[i] += (by[i] - unit[i] * along) / norm; }
    }
}
