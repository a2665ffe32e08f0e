using System.Diagnostics;
using System.Runtime.CompilerServices;
using MiniLM.Compute;
using MiniLM.Cpu.Threading;
using MiniLM.Model;

namespace MiniLM.Cpu.Training;

/// <summary>Weights as the gradient of their inputs reads them, dx = dy W: panels of 32 inputs, [panel][outputs][32] in groups of operands.</summary>
/// <remarks>Several layers of the same inputs lie behind one another in outputs, so that one product gives the sum of their gradients.</remarks>
internal sealed unsafe class PackedTransposed : IDisposable
{
    private readonly ProductKernels _products;
    private readonly Linear[] _linears;
    private readonly NativeBlock _panels;
    private readonly int _outputHeads, _inputHeads, _outputsEach, _inputs;

    /// <param name="products">Whose operands the panels hold.</param>
    /// <param name="linears">Of the same sizes; their weights float32.</param>
    /// <param name="outputs">Width of one layer's outputs as they lie in dy: each of <paramref name="outputHeads"/> slots is padded.</param>
    /// <param name="inputs">Width of dx: likewise with <paramref name="inputHeads"/>.</param>
    /// <param name="outputHeads">1 where outputs are padded at their end only.</param>
    /// <param name="inputHeads">Likewise.</param>
    internal PackedTransposed(ProductKernels products, Linear[] linears, int outputs, int inputs, int outputHeads = 1, int inputHeads = 1)
    {
        Debug.Assert(outputs / outputHeads % products.Group == 0);
        Debug.Assert(inputs % Gemm.Columns == 0 && outputs % outputHeads == 0 && inputs % inputHeads == 0);
        (_products, _linears, _outputsEach, _inputs, _outputHeads, _inputHeads) = (products, linears, outputs, inputs, outputHeads, inputHeads);
        _panels = new NativeBlock((long)Outputs * inputs / products.Group);
    }

    internal long Values => (long)Outputs * _inputs;
    internal long Bytes => _panels.Bytes;
    internal float* Weights => _panels.Floats;

    private int Outputs => _linears.Length * _outputsEach;

    /// <summary>One member's share of the packing.</summary>
    internal void Fill(Team team, int member)
    {
        int group = _products.Group;
        for (int i = 0; i < _linears.Length; i++)
        {
            Linear linear = _linears[i];
            int slot = linear.Outputs / _outputHeads, padded = _outputsEach / _outputHeads, groups = (slot + group - 1) / group;
            (int first, int end) = team.Share(_outputHeads * groups, member);
            for (int index = first; index < end; index++)
            {
                (int head, int output) = (index / groups, index % groups * group);
                FillGroup(linear, head * slot + output, Math.Min(group, slot - output), i * _outputsEach + head * padded + output);
            }
        }
    }

    /// <summary>One output, or two that lie in a group, from row <paramref name="k"/> of the panels on.</summary>
    private void FillGroup(Linear linear, int output, int count, int k)
    {
        float* rows = (float*)linear.Weight.Data + (long)output * linear.Inputs;
        int slot = linear.Inputs / _inputHeads, padded = _inputs / _inputHeads, group = _products.Group;
        for (int head = 0; head < _inputHeads; head++)
        {
            for (int at = 0; at < slot; at += Gemm.Columns)
            {
                int panel = (head * padded + at) / Gemm.Columns, width = Math.Min(Gemm.Columns, slot - at);
                float* from = rows + head * slot + at, to = Weights + ((long)panel * Outputs + k) / group * Gemm.Columns;
                if (_products.IsExact) { Unsafe.CopyBlockUnaligned(to, from, (uint)width * sizeof(float)); }
                else { FillOperands(from, linear.Inputs, count, width, to); }
            }
        }
    }

    private void FillOperands(float* from, int stride, int count, int width, float* to)
    {
        float* values = stackalloc float[2 * Gemm.Columns], operands = stackalloc float[Gemm.Columns];
        new Span<float>(values, 2 * Gemm.Columns).Clear();
        for (int row = 0; row < count; row++) { Unsafe.CopyBlockUnaligned(values + row * Gemm.Columns, from + row * stride, (uint)width * sizeof(float)); }
        if (_products.Group == 1)
        {
            _products.Convert(values, to, Gemm.Columns);
            return;
        }
        _products.Convert(values, operands, 2 * Gemm.Columns);
        PairRows.Forward((ushort*)operands, Gemm.Columns, 2, Gemm.Columns, (ushort*)to, 2 * Gemm.Columns);
    }

    /// <summary>dx = dy W, or that plus what <paramref name="residual"/> holds; strides in operands or floats, of dx and residual the same.</summary>
    internal void Multiply(Store store, void* dy, nint dyStride, int rows, void* dx, nint dxStride, float* residual = null)
    {
        int size = _products.SizeOf(store);
        var arguments = new GemmCall
        {
            A = dy,
            AStride = dyStride * _products.Size,
            B = Weights,
            K = Outputs / _products.Group,
            C = dx,
            CStride = dxStride * size,
            CPanel = Gemm.Columns * size,
            Residual = residual,
            ResidualStride = dxStride * sizeof(float),
        };
        _products.Gemm(residual == null ? Epilogue.None : Epilogue.AddResidual, store, arguments, rows, 0, _inputs / Gemm.Columns);
    }

    public void Dispose() => _panels.Dispose();
}
