using System.Diagnostics;
using System.Runtime.CompilerServices;
using MiniLM.Compute;
using MiniLM.Cpu.Threading;
using MiniLM.Model;

namespace MiniLM.Cpu.Training;

/// <summary>Weights as the gradient of their inputs reads them, dx = dy W: panels of 32 inputs, [panel][outputs][32].</summary>
/// <remarks>Several layers of the same inputs lie behind one another in outputs, so that one product gives the sum of their gradients.</remarks>
internal sealed unsafe class PackedTransposed : IDisposable
{
    private readonly Linear[] _linears;
    private readonly NativeBlock _panels;
    private readonly int _outputHeads, _inputHeads, _outputsEach, _inputs;

    /// <param name="linears">Of the same sizes; their weights float32.</param>
    /// <param name="outputs">Width of one layer's outputs as they lie in dy: each of <paramref name="outputHeads"/> slots is padded.</param>
    /// <param name="inputs">Width of dx: likewise with <paramref name="inputHeads"/>.</param>
    /// <param name="outputHeads">1 where outputs are padded at their end only.</param>
    /// <param name="inputHeads">Likewise.</param>
    internal PackedTransposed(Linear[] linears, int outputs, int inputs, int outputHeads = 1, int inputHeads = 1)
    {
        Debug.Assert(inputs % Gemm.Columns == 0 && outputs % outputHeads == 0 && inputs % inputHeads == 0);
        (_linears, _outputsEach, _inputs, _outputHeads, _inputHeads) = (linears, outputs, inputs, outputHeads, inputHeads);
        _panels = new NativeBlock((long)Outputs * inputs);
    }

    private int Outputs => _linears.Length * _outputsEach;

    /// <summary>One member's share of the packing.</summary>
    internal void Fill(Team team, int member)
    {
        for (int i = 0; i < _linears.Length; i++)
        {
            Linear linear = _linears[i];
            int slot = linear.Outputs / _outputHeads, padded = _outputsEach / _outputHeads;
            (int first, int end) = team.Share(linear.Outputs, member);
            for (int output = first; output < end; output++) { FillRow(linear, output, i * _outputsEach + output / slot * padded + output % slot); }
        }
    }

    private void FillRow(Linear linear, int output, int k)
    {
        float* row = (float*)linear.Weight.Data + (long)output * linear.Inputs;
        int slot = linear.Inputs / _inputHeads, padded = _inputs / _inputHeads;
        for (int head = 0; head < _inputHeads; head++)
        {
            for (int at = 0; at < slot; at += Gemm.Columns)
            {
                int column = head * padded + at;
                float* to = _panels.Floats + ((long)(column / Gemm.Columns) * Outputs + k) * Gemm.Columns;
                Unsafe.CopyBlockUnaligned(to, row + head * slot + at, (uint)Math.Min(Gemm.Columns, slot - at) * sizeof(float));
            }
        }
    }

    /// <summary>dx = dy W, or that plus what <paramref name="residual"/> holds; strides in floats, of dx and residual the same.</summary>
    internal void Multiply(CpuKernels kernels, float* dy, nint dyStride, int rows, float* dx, nint dxStride, float* residual = null)
    {
        var arguments = new GemmCall
        {
            A = dy,
            AStride = dyStride * sizeof(float),
            B = _panels.Floats,
            K = Outputs,
            C = dx,
            CStride = dxStride * sizeof(float),
            CPanel = Gemm.Columns * sizeof(float),
            Residual = residual,
            ResidualStride = dxStride * sizeof(float),
        };
        kernels.Gemm(residual == null ? Epilogue.None : Epilogue.AddResidual, arguments, rows, 0, _inputs / Gemm.Columns);
    }

    public void Dispose() => _panels.Dispose();
}
