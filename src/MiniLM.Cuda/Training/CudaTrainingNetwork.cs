using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Kernels;
using MiniLM.Model;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Cuda.Training;

/// <summary>Training on the GPU: rows and 16-bit copies of weights in the storage asked for, parameters, gradients, moments and sums in fp32.</summary>
/// <remarks>
/// A slot keeps a batch's rows of all layers between forward and backward; the gradients of rows of one layer lie in a workspace that the next takes again.
/// Masks of dropout are drawn anew on the way back, activations made anew. Every sum has an order that the batch alone fixes, and there are no atomics.
/// </remarks>
internal sealed partial class CudaTrainingNetwork : TrainingNetwork
{
    private readonly CudaDevice _device;
    private readonly CudaPlan _plan;
    private readonly CudaNetwork _inference;
    private readonly CudaWeights _weights;
    private readonly EncoderArguments _arguments;
    private readonly CudaParameters _state;
    private readonly EncoderConfig _config;
    private readonly Dictionary<Tensor, Parameter> _places;
    private readonly Dictionary<int, CudaSlot> _slots = [];
    private CudaTrainingWorkspace? _workspace;
    private bool _hasMoved; // since the host's parameters were the GPU's

    internal CudaTrainingNetwork(CudaDevice device, ParameterBlock parameters, Precision precision, TrainingOptions options, CancellationToken cancellation)
        : base(parameters, options)
    {
        (_device, _config) = (device, parameters.Network.Config);
        _inference = new CudaNetwork(device, parameters.Network, precision, trains: true, cancellation);
        (_plan, _weights, _arguments) = (_inference.Plan, _inference.Weights, _inference.Arguments);
        _places = parameters.Parameters.ToDictionary(parameter => parameter.Tensor);
        try { _state = new CudaParameters(device, _plan, _weights, parameters, options); }
        catch
        {
            _inference.FreeInside();
            throw;
        }
    }

    protected override void ForwardChecked(PackedBatch batch, Span<float> output, CancellationToken cancellation)
    {
        Refresh(cancellation);
        _inference.Forward(batch, output, cancellation);
    }

    protected override void HiddenChecked(PackedBatch batch, int layers, Span<float> hidden, CancellationToken cancellation)
    {
        Refresh(cancellation);
        _inference.Hidden(batch, layers, hidden, cancellation);
    }

    private void Refresh(CancellationToken cancellation = default)
    {
        using (_device.Gate.Enter(cancellation)) { _state.Refresh(); }
    }

    protected override StepResult StepInside(StepOptions options)
    {
        using (_device.Gate.Enter())
        {
            StepResult result = _state.Step(options, Steps + 1);
            if (result.IsTaken) { (Steps, _hasMoved) = (Steps + 1, true); }
            return result;
        }
    }

    protected override void FetchInside()
    {
        if (!_hasMoved) { return; }
        using (_device.Gate.Enter()) { _state.Fetch(); }
        _hasMoved = false;
    }

    protected override void ClearGradientsInside()
    {
        using (_device.Gate.Enter()) { _state.ClearGradients(); }
    }

    protected override void ReadGradientInside(Parameter parameter, Span<float> values)
    {
        using (_device.Gate.Enter())
        {
            _state.ForgetLastStep();
            _device.Download(_state.Gradient(parameter), values, values.Length, values.Length);
        }
    }

    protected override void ReadStateInside(Parameter parameter, OptimizerState state, Span<float> values)
    {
        using (_device.Gate.Enter()) { _device.Download(_state.State(parameter, state), values, values.Length, values.Length); }
    }

    protected override void WriteStateInside(Parameter parameter, OptimizerState state, ReadOnlySpan<float> values)
    {
        using (_device.Gate.Enter()) { _device.Gpu.Upload(_state.State(parameter, state), System.Runtime.InteropServices.MemoryMarshal.AsBytes(values)); }
    }

    /// <summary>What lies in the GPU's memory for training, now.</summary>
    internal TrainingMemory Memory => new(_state.BlockBytes, _weights.Bytes + _state.Bytes - 4 * _state.BlockBytes, _state.BlockBytes, 2 * _state.BlockBytes,
        _slots.Values.Sum(slot => slot.Bytes), _workspace?.Bytes ?? 0);

    /// <summary>Where the gradient of a weight is summed; 0 where it is not trained, or is not there.</summary>
    private ulong Gradient(Tensor? weight) => weight is { } tensor && IsTrained(tensor) ? _state.Gradient(_places[tensor]) : 0;

    /// <summary>Which values a site keeps; off: all.</summary>
    private static DropoutArguments Mask(CudaSlot slot, DropoutSite site, int layer, float probability, ulong? rows = null)
    {
        DropoutArguments off = new() { Rows = rows ?? slot.Ids.StepRows, Scale = 1 };
        if (slot.Dropout is not { } dropout) { return off; }
        DropoutMask mask = dropout.At(site, layer, probability);
        return off with
        {
            SeedLow = (uint)dropout.Seed,
            SeedHigh = (uint)(dropout.Seed >> 32),
            Step = dropout.Step,
            Place = (uint)site + 8 * (uint)layer,
            Threshold = mask.Threshold,
            Scale = mask.Scale,
        };
    }

    protected override void Free()
    {
        using (_device.Gate.Enter()) // other networks may be running
        {
            foreach (CudaSlot slot in _slots.Values) { slot.Dispose(); }
            _workspace?.Dispose();
            _state.Dispose();
            _inference.FreeInside();
        }
        Parameters.Dispose();
    }
}
