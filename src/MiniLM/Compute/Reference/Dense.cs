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
}
