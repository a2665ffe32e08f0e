using System.Numerics;

namespace MiniLM.Compute.Reference;

/// <summary>y = x W^T + b, as Hugging Face stores a linear layer.</summary>
/// <remarks>x: [rows, inputs]; weight: [outputs, inputs]; bias: [outputs] or empty; y: [rows, outputs].</remarks>
internal static class Dense
{
    internal static void Forward<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, int inputs, Span<T> y)
        where T : IBinaryFloatingPointIeee754<T>
    {
        int outputs = weight.Length / inputs;
        for (int row = 0; row < x.Length / inputs; row++)
        {
            for (int output = 0; output < outputs; output++)
            {
                T sum = bias.IsEmpty ? T.Zero : bias[output];
                for (int i = 0; i < inputs; i++) { sum += x[row * inputs + i] * weight[output * inputs + i]; }
                y[row * outputs + output] = sum;
            }
        }
    }

    /// <summary>dx = dy W; dW += dy^T x; db += sum of dy over rows.</summary>
    /// <remarks>Shapes as the value's. dBias is empty for a layer without; dx is empty where nobody asks.</remarks>
    internal static void Backward<T>(
        ReadOnlySpan<T> x, ReadOnlySpan<T> weight, ReadOnlySpan<T> dy, int inputs, Span<T> dx, Span<T> dWeight, Span<T> dBias)
        where T : IBinaryFloatingPointIeee754<T>
    {
        int outputs = weight.Length / inputs;
        dx.Clear();
        for (int row = 0; row < x.Length / inputs; row++)
        {
            for (int output = 0; output < outputs; output++)
            {
                T gradient = dy[row * outputs + output];
                if (!dBias.IsEmpty) { dBias[output] += gradient; }
                for (int i = 0; i < inputs; i++)
                {
                    dWeight[output * inputs + i] += gradient * x[row * inputs + i];
                    if (!dx.IsEmpty) { dx[row * inputs + i] += gradient * weight[output * inputs + i]; }
                }
            }
        }
    }
}
