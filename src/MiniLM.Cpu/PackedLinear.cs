using System.Diagnostics;
using MiniLM.Compute;
using MiniLM.Model;

namespace MiniLM.Cpu;

/// <summary>A weight matrix in panels of 32 outputs, [panel][inputs][32], and its bias; outputs and inputs are padded with zeros.</summary>
/// <remarks>Made of parts, so that one product gives a head's query, key and value: a part is some rows of a tensor, padded to whole panels.</remarks>
internal sealed unsafe class PackedLinear : IDisposable
{
    private readonly NativeBlock _panels, _bias;

    /// <summary>Rows [First, First + Count) of a linear layer, into panels of their own.</summary>
    internal readonly record struct Part(Linear Linear, int First, int Count);

    /// <param name="parts">In the order of the panels.</param>
    /// <param name="inputs">Width of a row of A as the kernel reads it.</param>
    /// <param name="heads">Inputs come in as many slots, each padded to inputs / heads: the context of attention. 1 elsewhere.</param>
    internal PackedLinear(IReadOnlyList<Part> parts, int inputs, int heads = 1)
    {
        Debug.Assert(heads > 0 && inputs % heads == 0 && parts.All(part => part.Count > 0 && part.Linear.Inputs % heads == 0 && part.Linear.Inputs <= inputs));
        Inputs = inputs;
        Panels = parts.Sum(part => PanelsOf(part.Count));
        _panels = new NativeBlock((long)Panels * Gemm.Columns * inputs);
        _bias = new NativeBlock((long)Panels * Gemm.Columns);
        _parts = parts;
        _heads = heads;
    }

    private readonly IReadOnlyList<Part> _parts;
    private readonly int _heads;

    internal int Inputs { get; }
    internal int Panels { get; }
    internal float* Weights => _panels.Floats;
    internal float* Bias => _bias.Floats;

    internal static int PanelsOf(int outputs) => (outputs + Gemm.Columns - 1) / Gemm.Columns;

    /// <summary>Fills panels [first, end): the threads of a pool share them out.</summary>
    internal void Fill(int first, int end)
    {
        Debug.Assert(first >= 0 && end >= first && end <= Panels);
        float[] rows = new float[Gemm.Columns * Inputs];
        fixed (float* scratch = rows)
        {
            int panel = 0;
            foreach (Part part in _parts)
            {
                for (int at = 0; at < part.Count; at += Gemm.Columns, panel++)
                {
                    if (panel >= first && panel < end) { FillPanel(part, at, panel, scratch); }
                }
            }
        }
    }

    private void FillPanel(Part part, int at, int panel, float* scratch)
    {
        int width = part.Linear.Inputs, count = Math.Min(Gemm.Columns, part.Count - at), slot = width / _heads, padded = Inputs / _heads;
        if (count < Gemm.Columns || slot < padded) { new Span<float>(scratch, Gemm.Columns * Inputs).Clear(); }
        for (int r = 0; r < count; r++, scratch += Inputs)
        {
            long first = (long)(part.First + at + r) * width;
            if (slot == padded)
            {
                part.Linear.Weight.Read(first, width, scratch);
                continue;
            }
            for (int head = 0; head < _heads; head++) { part.Linear.Weight.Read(first + head * slot, slot, scratch + head * padded); }
        }
        scratch -= count * Inputs;
        part.Linear.Bias?.Read(part.First + at, count, Bias + panel * Gemm.Columns);
        Transpose.Forward(scratch, Inputs, Gemm.Columns, Inputs, Weights + (long)panel * Inputs * Gemm.Columns, Gemm.Columns);
    }

    /// <summary>Panels [first, end) of rows x this matrix into C; strides in floats.</summary>
    internal void Multiply(CpuKernels kernels, Epilogue epilogue, float* a, nint aStride, int rows, int first, int end, float* c, nint cStride,
        nint cPanel, float* residual = null)
    {
        Debug.Assert(end <= Panels && aStride >= Inputs && cStride >= Gemm.Columns);
        var arguments = new GemmCall
        {
            A = a,
            AStride = aStride * sizeof(float),
            B = Weights,
            K = Inputs,
            Start = Bias,
            C = c,
            CStride = cStride * sizeof(float),
            CPanel = cPanel * sizeof(float),
            Residual = residual,
            ResidualStride = cStride * sizeof(float),
        };
        kernels.Gemm(epilogue, arguments, rows, first, end);
    }

    public void Dispose()
    {
        _panels.Dispose();
        _bias.Dispose();
    }
}
