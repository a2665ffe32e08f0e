using System.Diagnostics;
using MiniLM.Compute;
using MiniLM.Model;

namespace MiniLM.Cpu;

/// <summary>Pooling and the modules behind it, one sequence at a time: a pooled row against the rows of a layer's sequence costs nothing.</summary>
internal sealed unsafe class PackedHead : IDisposable
{
    private readonly CpuKernels _kernels;
    private readonly PoolingMode[] _pooling;
    private readonly Module[] _modules;
    private readonly HeadModule[] _head;
    private readonly int _hidden;

    // Weights as in the file, [outputs, inputs], widened; null for normalize.
    private sealed record Module(NativeBlock? Weight, NativeBlock? Bias, int Inputs, int Outputs, Activation Activation);

    internal PackedHead(CpuKernels kernels, Network network)
    {
        (_kernels, _pooling, _hidden) = (kernels, network.Pooling, network.Config.HiddenSize);
        OutputSize = network.OutputSize;
        _modules = [.. network.Head.Select(module => module is DenseModule dense
            ? new Module(new NativeBlock((long)dense.Linear.Outputs * dense.Linear.Inputs), new NativeBlock(dense.Linear.Outputs), dense.Linear.Inputs,
                dense.Linear.Outputs, dense.Activation)
            : new Module(null, null, 0, 0, Activation.Identity))];
        _head = network.Head;
        Width = _modules.Select(module => module.Outputs).Append(network.PooledSize).Max();
        Fill();
    }

    internal int OutputSize { get; }

    /// <summary>The widest row on the way.</summary>
    internal int Width { get; }

    /// <summary>Again, where the weights have changed.</summary>
    internal void Fill()
    {
        for (int i = 0; i < _head.Length; i++)
        {
            if (_head[i] is not DenseModule { Linear: { } linear }) { continue; }
            for (int row = 0; row < linear.Outputs; row++)
            {
                linear.Weight.Read((long)row * linear.Inputs, linear.Inputs, _modules[i].Weight!.Floats + (long)row * linear.Inputs);
            }
            linear.Bias?.Read(0, linear.Outputs, _modules[i].Bias!.Floats); // zeros where the layer has none
        }
    }

    /// <summary>Floating-point operations for a sequence: sums of rows and the dense modules.</summary>
    internal long Flop(int length) => (long)length * _hidden * _pooling.Length + _modules.Sum(module => 2L * module.Inputs * module.Outputs);

    /// <summary>Bytes read for a sequence: its rows and the weights.</summary>
    internal long Bytes(int length) => sizeof(float) * ((long)length * _hidden + _modules.Sum(module => (long)module.Inputs * module.Outputs));

    /// <param name="rows">The sequence's rows.</param>
    /// <param name="stride">Floats from row to row.</param>
    /// <param name="columns">[length].</param>
    /// <param name="length">At least 1.</param>
    /// <param name="promptRows">Rows at the start that pooling leaves out; at least one row is pooled.</param>
    /// <param name="scratch">2 x <see cref="Width"/>.</param>
    /// <param name="output">[OutputSize].</param>
    internal void Forward(float* rows, nint stride, int* columns, int length, int promptRows, float* scratch, float* output)
    {
        Debug.Assert(rows != null && columns != null && scratch != null && output != null);
        Debug.Assert(length > 0 && stride >= _hidden && promptRows >= 0);
        int skip = Math.Min(promptRows, length - 1), width = _hidden * _pooling.Length;
        float* x = scratch, y = scratch + Width;
        for (int mode = 0; mode < _pooling.Length; mode++)
        {
            _kernels.Pool(_pooling[mode], rows + skip * stride, stride, columns + skip, length - skip, x + mode * _hidden, _hidden);
        }
        foreach (Module module in _modules)
        {
            if (module.Weight is null)
            {
                UnitLength.Normalize(new Span<float>(x, width));
                continue;
            }
            for (int i = 0; i < module.Outputs; i++)
            {
                y[i] = module.Bias!.Floats[i] + _kernels.Dot(x, module.Weight.Floats + (nint)i * module.Inputs, module.Inputs);
            }
            _kernels.Activate(module.Activation, y, y, null, module.Outputs);
            width = module.Outputs;
            float* used = x;
            x = y;
            y = used;
        }
        new ReadOnlySpan<float>(x, width).CopyTo(new Span<float>(output, width));
    }

    public void Dispose()
    {
        foreach (Module module in _modules)
        {
            module.Weight?.Dispose();
            module.Bias?.Dispose();
        }
    }
}
