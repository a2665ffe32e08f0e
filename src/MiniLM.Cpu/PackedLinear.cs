using System.Diagnostics;
using MiniLM.Compute;
using MiniLM.Model;
using MiniLM.Weights;

namespace MiniLM.Cpu;

/// <summary>A weight matrix in panels of 32 outputs, [panel][inputs][32] in groups of operands, and its bias; padded with zeros.</summary>
/// <remarks>Made of parts, so that one product gives a head's query, key and value: a part is some rows of a tensor, padded to whole panels.</remarks>
internal sealed unsafe class PackedLinear : IDisposable
{
    private readonly NativeBlock _panels, _bias;

    /// <summary>Rows [First, First + Count) of a linear layer, into panels of their own.</summary>
    internal readonly record struct Part(Linear Linear, int First, int Count);

    /// <param name="products">Whose operands the panels hold.</param>
    /// <param name="parts">In the order of the panels.</param>
    /// <param name="inputs">Width of a row of A as the kernel reads it.</param>
    /// <param name="heads">Inputs come in as many slots, each padded to inputs / heads: the context of attention. 1 elsewhere.</param>
    internal PackedLinear(ProductKernels products, IReadOnlyList<Part> parts, int inputs, int heads = 1)
    {
        Debug.Assert(heads > 0 && inputs % heads == 0 && parts.All(part => part.Count > 0 && part.Linear.Inputs % heads == 0 && part.Linear.Inputs <= inputs));
        Inputs = inputs;
        Panels = parts.Sum(part => PanelsOf(part.Count));
        _panels = new NativeBlock((long)Panels * Gemm.Columns * Groups(products, inputs));
        _bias = new NativeBlock((long)Panels * Gemm.Columns);
        (_products, _parts, _heads) = (products, [.. parts], heads);
    }

    private readonly ProductKernels _products;
    private readonly Part[] _parts;
    private readonly int _heads;

    internal int Inputs { get; }
    internal int Panels { get; }

    /// <summary>Weights in panels, padding included.</summary>
    internal long Values => (long)Panels * Gemm.Columns * Inputs;
    internal long Bytes => _panels.Bytes + _bias.Bytes;
    internal float* Weights => _panels.Floats;
    internal float* Bias => _bias.Floats;

    // Of an odd number of inputs the last stands beside a zero; A has columns of padding there.
    private static int Groups(ProductKernels products, int inputs) => (inputs + products.Group - 1) / products.Group;

    internal static int PanelsOf(int outputs) => (outputs + Gemm.Columns - 1) / Gemm.Columns;

    /// <summary>Fills panels [first, end): the threads of a pool share them out.</summary>
    internal void Fill(int first, int end)
    {
        Debug.Assert(first >= 0 && end >= first && end <= Panels);
        float* block = stackalloc float[2 * Gemm.Columns * Gemm.Columns];
        int panel = 0;
        foreach (Part part in _parts)
        {
            for (int at = 0; at < part.Count; at += Gemm.Columns, panel++)
            {
                if (panel < first || panel >= end) { continue; }
                part.Linear.Bias?.Read(part.First + at, Math.Min(Gemm.Columns, part.Count - at), Bias + panel * Gemm.Columns);
                FillPanel(part, at, Weights + (long)panel * Gemm.Columns * Groups(_products, Inputs), block);
            }
        }
    }

    /// <summary>A block of 32 outputs and 32 inputs at a time, from where the weights lie or by way of <paramref name="block"/>.</summary>
    private void FillPanel(Part part, int at, float* panel, float* block)
    {
        bool inPlace = CanBeReadInPlace(part);
        int words = Gemm.Columns / _products.Group, stride = inPlace ? Inputs : Gemm.Columns;
        float* operands = block + Gemm.Columns * Gemm.Columns;
        for (int input = 0; input < Inputs; input += Gemm.Columns, panel += Gemm.Columns * words)
        {
            int count = Math.Min(Gemm.Columns, Inputs - input);
            float* from = block;
            if (inPlace) { from = (float*)part.Linear.Weight.Data + (long)(part.First + at) * Inputs + input; }
            else { Read(part, at, input, count, block); }
            if (_products.IsExact)
            {
                Transpose.Forward(from, stride, Gemm.Columns, count, panel, Gemm.Columns);
                continue;
            }
            for (int row = 0; row < Gemm.Columns; row++) { _products.Convert(from + row * stride, operands + row * words, Gemm.Columns); }
            Transpose.Forward(operands, words, Gemm.Columns, Groups(_products, count), panel, Gemm.Columns);
        }
    }

    // Weights that are trained: packed again after each step, without a copy on the way.
    private bool CanBeReadInPlace(Part part) =>
        part.Linear.Weight.ElementType == ElementType.F32 && part.Linear.Inputs == Inputs && part.Count % Gemm.Columns == 0
            && (_products.IsExact || Inputs % Gemm.Columns == 0) && (nint)part.Linear.Weight.Data % sizeof(float) == 0;

    /// <summary>Inputs [input, input + count), as A has them, of 32 outputs; zeros where there are none.</summary>
    private void Read(Part part, int at, int input, int count, float* block)
    {
        int width = part.Linear.Inputs, rows = Math.Min(Gemm.Columns, part.Count - at), slot = width / _heads, padded = Inputs / _heads;
        new Span<float>(block, Gemm.Columns * Gemm.Columns).Clear();
        for (int place = input, next; place < input + count; place = next)
        {
            int head = place / padded, within = place % padded, values = Math.Min(slot - within, input + count - place);
            next = Math.Min((head + 1) * padded, input + count);
            if (values <= 0) { continue; } // padding
            for (int row = 0; row < rows; row++)
            {
                part.Linear.Weight.Read((long)(part.First + at + row) * width + head * slot + within, values, block + row * Gemm.Columns + place - input);
            }
        }
    }

    /// <summary>Panels [first, end) of rows x this matrix into C; strides in operands or floats, as what they belong to.</summary>
    internal void Multiply(Epilogue epilogue, Store store, void* a, nint aStride, int rows, int first, int end, void* c, nint cStride,
        nint cPanel, float* residual = null)
    {
        Debug.Assert(end <= Panels && aStride >= Inputs && cStride >= Gemm.Columns);
        int size = _products.SizeOf(store);
        var arguments = new GemmCall
        {
            A = a,
            AStride = aStride * _products.Size,
            B = Weights,
            K = Groups(_products, Inputs),
            Start = Bias,
            C = c,
            CStride = cStride * size,
            CPanel = cPanel * size,
            Residual = residual,
            ResidualStride = cStride * sizeof(float),
        };
        _products.Gemm(epilogue, store, arguments, rows, first, end);
    }

    public void Dispose()
    {
        _panels.Dispose();
        _bias.Dispose();
    }
}
