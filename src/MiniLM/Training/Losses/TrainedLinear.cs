using System.Numerics;

namespace MiniLM.Training.Losses;

/// <summary>y = x W^T + b with a weight and a bias that belong to a loss.</summary>
internal static class TrainedLinear
{
    /// <summary>A weight [outputs, inputs] and a bias, which begin as torch.nn.Linear does.</summary>
    internal static IReadOnlyList<LossParameter> Parameters(string name, int outputs, int inputs) =>
        [new($"{name}.weight", outputs, inputs, Spread: 1 / Math.Sqrt(inputs)), new($"{name}.bias", 1, outputs, Spread: 1 / Math.Sqrt(inputs))];

    internal static Column<T> Forward<T>(Column<T> x, IReadOnlyList<Column<T>> parameters) where T : IBinaryFloatingPointIeee754<T>
    {
        (Column<T> weight, Column<T> bias) = (parameters[0], parameters[1]);
        T[] y = new T[x.Rows * weight.Rows];
        RowProducts.Scalar(x.Values, weight.Values, x.Width, y);
        for (int i = 0; i < y.Length; i++) { y[i] += bias.Values[i % weight.Rows]; }
        return new Column<T>(y, weight.Rows);
    }

    /// <summary>Adds to the gradients of x, weight and bias what that of y says.</summary>
    internal static void Backward<T>(Column<T> x, IReadOnlyList<Column<T>> parameters, Column<T> y) where T : IBinaryFloatingPointIeee754<T>
    {
        (Column<T> weight, Column<T> bias) = (parameters[0], parameters[1]);
        RowProducts.AddProduct(y.Gradient, weight.Values, x.Width, x.Gradient);
        RowProducts.AddTransposedProduct(y.Gradient, x.Values, x.Width, weight.Gradient);
        for (int i = 0; i < y.Gradient.Length; i++) { bias.Gradient[i % weight.Rows] += y.Gradient[i]; }
    }
}
