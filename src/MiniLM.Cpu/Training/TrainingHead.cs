using System.Numerics;
using System.Runtime.InteropServices;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Cpu.Training;

/// <summary>Pooling and the modules behind it, forward and backward, for all sequences of a batch.</summary>
/// <remarks>
/// In float32 at every precision of the layers: it is a row a sequence. Made anew on the way back from the last rows: that costs less than the room to keep it.
/// </remarks>
internal sealed unsafe class TrainingHead(CpuKernels kernels, Network network)
{
    private readonly int _hidden = network.Config.HiddenSize;
    // Per module [sequences, padded width]: its inputs, slopes of an activation, gradients of inputs.
    private float[][] _inputs = [], _slopes = [], _gradients = [];
    private float[] _output = [], _packed = [], _dPacked = [];

    private static int Pad(int width) => PackedLinear.PanelsOf(width) * Cpu.Gemm.Columns;

    /// <summary>The results of all sequences, with dropout.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="rows">[rows, stride]: of the last layer.</param>
    /// <param name="stride">Floats from row to row.</param>
    /// <param name="dropout">Null: nothing is dropped.</param>
    /// <param name="output">[sequences, OutputSize].</param>
    internal void Forward(PackedBatch batch, float* rows, nint stride, StepDropout? dropout, Span<float> output)
    {
        Reserve(batch.Sequences);
        for (int sequence = 0; sequence < batch.Sequences; sequence++)
        {
            int width = network.PooledSize;
            Span<float> x = Row(_inputs[0], sequence, width);
            Pool(batch, sequence, rows, stride, x);
            for (int index = 0; index < network.Head.Length; index++)
            {
                DenseModule? dense = network.Head[index] as DenseModule;
                width = dense?.Linear.Outputs ?? width;
                Span<float> y = Row(_inputs[index + 1], sequence, width);
                if (dense is null)
                {
                    x.CopyTo(y);
                    UnitLength.Normalize(y);
                }
                else
                {
                    Drop(x, sequence, index, dense, dropout);
                    Span<float> slope = Row(_slopes[index], sequence, width); // of the sums that stand there first
                    Apply(dense.Linear, x, slope);
                    fixed (float* from = slope, to = y) { kernels.Activate(dense.Activation, from, to, from, width); }
                }
                x = y;
            }
            x.CopyTo(output.Slice(sequence * width, width));
        }
    }

    private void Reserve(int sequences)
    {
        int modules = network.Head.Length;
        if (_inputs.Length > 0 && _inputs[0].Length >= sequences * Pad(network.PooledSize)) { return; }
        (_inputs, _slopes, _gradients) = (new float[modules + 1][], new float[modules][], new float[modules + 1][]);
        int width = network.PooledSize;
        (_inputs[0], _gradients[0]) = (new float[sequences * Pad(width)], new float[sequences * Pad(width)]);
        for (int index = 0; index < modules; index++)
        {
            if (network.Head[index] is DenseModule dense) { width = dense.Linear.Outputs; }
            _slopes[index] = new float[sequences * Pad(width)];
            (_inputs[index + 1], _gradients[index + 1]) = (new float[sequences * Pad(width)], new float[sequences * Pad(width)]);
        }
    }

    private static Span<float> Row(float[] values, int row, int width) => values.AsSpan(row * Pad(width), width);

    private void Pool(PackedBatch batch, int sequence, float* rows, nint stride, Span<float> y)
    {
        (int first, int length) = PooledRows(batch, sequence);
        fixed (float* to = y)
        fixed (int* columns = batch.Columns)
        {
            for (int mode = 0; mode < network.Pooling.Length; mode++)
            {
                kernels.Pool(network.Pooling[mode], rows + first * stride, stride, columns + first, length, to + mode * _hidden, _hidden);
            }
        }
    }

    private static (int First, int Length) PooledRows(PackedBatch batch, int sequence)
    {
        int skip = Math.Min(batch.PromptRows, batch.Length(sequence) - 1);
        return (batch.Offsets[sequence] + skip, batch.Length(sequence) - skip);
    }

    private static void Drop(Span<float> x, int sequence, int module, DenseModule dense, StepDropout? dropout)
    {
        if (dropout is not { } drop || dense.Dropout == 0) { return; }
        fixed (float* values = x)
        {
            DropoutRows.Apply(drop.At(DropoutSite.Classifier, module, dense.Dropout), drop.FirstRows[sequence], 0, values, x.Length);
        }
    }

    private void Apply(Linear linear, ReadOnlySpan<float> x, Span<float> y)
    {
        float* weight = (float*)linear.Weight.Data, bias = linear.Bias is { } tensor ? (float*)tensor.Data : null;
        fixed (float* from = x)
        {
            for (int i = 0; i < y.Length; i++) { y[i] = (bias == null ? 0 : bias[i]) + kernels.Dot(from, weight + (nint)i * linear.Inputs, linear.Inputs); }
        }
    }

    /// <summary>Adds to the gradients of the head's weights, and gives those of the last layer's rows.</summary>
    /// <param name="batch">As in <see cref="Forward"/>, as all up to dropout.</param>
    /// <param name="rows">Likewise.</param>
    /// <param name="stride">Likewise; of dRows too.</param>
    /// <param name="dropout">Likewise.</param>
    /// <param name="outputGradient">[sequences, OutputSize].</param>
    /// <param name="gradient">Where the gradient of a weight is.</param>
    /// <param name="dRows">[rows, stride], overwritten.</param>
    internal void Backward(PackedBatch batch, float* rows, nint stride, StepDropout? dropout, ReadOnlySpan<float> outputGradient, GradientOf gradient,
        float* dRows)
    {
        if (_output.Length < outputGradient.Length) { _output = new float[outputGradient.Length]; }
        Forward(batch, rows, stride, dropout, _output);
        int sequences = batch.Sequences, width = network.OutputSize;
        float[] d = _gradients[^1];
        for (int sequence = 0; sequence < sequences; sequence++) { outputGradient.Slice(sequence * width, width).CopyTo(Row(d, sequence, width)); }
        for (int index = network.Head.Length - 1; index >= 0; index--)
        {
            if (network.Head[index] is DenseModule dense)
            {
                d = Backward(index, dense, d, sequences, dropout, gradient);
                width = dense.Linear.Inputs;
                continue;
            }
            d.AsSpan(0, sequences * Pad(width)).CopyTo(_gradients[index]);
            d = _gradients[index];
            for (int sequence = 0; sequence < sequences; sequence++)
            {
                Normalize.Backward<float>(Row(_inputs[index], sequence, width), Row(d, sequence, width));
            }
        }
        new Span<float>(dRows, checked((int)(batch.Rows * stride))).Clear();
        for (int sequence = 0; sequence < sequences; sequence++) { Unpool(batch, sequence, rows, stride, Row(d, sequence, network.PooledSize), dRows); }
    }

    private float[] Backward(int index, DenseModule dense, float[] d, int sequences, StepDropout? dropout, GradientOf gradient)
    {
        (int inputs, int outputs) = (dense.Linear.Inputs, dense.Linear.Outputs);
        float[] dx = _gradients[index];
        dx.AsSpan(0, sequences * Pad(inputs)).Clear();
        fixed (float* dy = d, slopes = _slopes[index], x = _inputs[index])
        {
            for (int sequence = 0; sequence < sequences; sequence++)
            {
                Activations.Backward(slopes + sequence * Pad(outputs), dy + sequence * Pad(outputs), outputs);
            }
            kernels.Products.AddOuter(dy, Pad(outputs), outputs, x, Pad(inputs), inputs, sequences, gradient(dense.Linear.Weight), inputs);
        }
        float* weight = (float*)dense.Linear.Weight.Data, bias = dense.Linear.Bias is { } tensor ? gradient(tensor) : null;
        for (int sequence = 0; sequence < sequences; sequence++)
        {
            Span<float> to = Row(dx, sequence, inputs);
            ReadOnlySpan<float> from = Row(d, sequence, outputs);
            for (int i = 0; i < outputs; i++)
            {
                if (bias != null) { bias[i] += from[i]; }
                AddScaled(from[i], new ReadOnlySpan<float>(weight + (nint)i * inputs, inputs), to);
            }
            Drop(to, sequence, index, dense, dropout);
        }
        return dx;
    }

    private static void AddScaled(float factor, ReadOnlySpan<float> x, Span<float> y)
    {
        ReadOnlySpan<Vector<float>> from = MemoryMarshal.Cast<float, Vector<float>>(x);
        Span<Vector<float>> to = MemoryMarshal.Cast<float, Vector<float>>(y);
        Vector<float> scale = new(factor);
        for (int i = 0; i < to.Length; i++) { to[i] += scale * from[i]; }
        for (int i = to.Length * Vector<float>.Count; i < y.Length; i++) { y[i] += factor * x[i]; }
    }

    private void Unpool(PackedBatch batch, int sequence, float* rows, nint stride, ReadOnlySpan<float> d, float* dRows)
    {
        (int first, int length) = PooledRows(batch, sequence);
        if (_packed.Length < length * _hidden) { (_packed, _dPacked) = (new float[length * _hidden], new float[length * _hidden]); }
        Span<float> packed = _packed.AsSpan(0, length * _hidden), dPacked = _dPacked.AsSpan(0, length * _hidden); // the reference's rows lie without gaps
        dPacked.Clear();
        for (int row = 0; row < length; row++) { new ReadOnlySpan<float>(rows + (first + row) * stride, _hidden).CopyTo(packed[(row * _hidden)..]); }
        for (int mode = 0; mode < network.Pooling.Length; mode++)
        {
            Compute.Reference.Pooling.Backward<float>(
                network.Pooling[mode], packed, batch.Columns.AsSpan(first, length), d.Slice(mode * _hidden, _hidden), dPacked);
        }
        for (int row = 0; row < length; row++) { dPacked.Slice(row * _hidden, _hidden).CopyTo(new Span<float>(dRows + (first + row) * stride, _hidden)); }
    }
}

/// <summary>Where the gradient of a weight is summed, in its own layout.</summary>
internal unsafe delegate float* GradientOf(Weights.Tensor weight);
