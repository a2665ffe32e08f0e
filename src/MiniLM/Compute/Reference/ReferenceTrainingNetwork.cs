using System.Numerics;
using MiniLM.Batching;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Compute.Reference;

/// <summary>The definition of training: weights, gradients and moments in float or double, every step in order.</summary>
internal sealed class ReferenceTrainingNetwork<T> : TrainingNetwork where T : IBinaryFloatingPointIeee754<T>
{
    private readonly Dictionary<Tensor, T[]> _weights = [], _gradients = [], _first = [], _second = [];
    private readonly Dictionary<int, (PackedBatch Batch, StepDropout? Dropout, List<ReferencePass<T>.Saved> Saved)> _slots = [];
    private readonly ReferencePass<T> _pass;

    internal ReferenceTrainingNetwork(ParameterBlock parameters, TrainingOptions options) : base(parameters, options)
    {
        foreach (Parameter parameter in parameters.Parameters)
        {
            _weights[parameter.Tensor] = Array.ConvertAll(parameter.Tensor.ToFloats(), value => T.CreateChecked(value));
            (_gradients[parameter.Tensor], _first[parameter.Tensor], _second[parameter.Tensor]) =
                (new T[parameter.Count], new T[parameter.Count], new T[parameter.Count]);
        }
        _pass = new ReferencePass<T>(parameters.Network, tensor => _weights[tensor]);
    }

    /// <summary>Of one parameter, in the precision of the arithmetic.</summary>
    internal ReadOnlySpan<T> Gradient(Parameter parameter) => _gradients[parameter.Tensor];

    /// <summary>Of one parameter, in the precision of the arithmetic.</summary>
    internal ReadOnlySpan<T> Values(Parameter parameter) => _weights[parameter.Tensor];

    protected override void ForwardChecked(PackedBatch batch, Span<float> output, CancellationToken cancellation)
    {
        T[] exact = new T[output.Length];
        _pass.Forward(batch, exact, cancellation);
        ReferencePass<T>.Narrow(exact, output);
    }

    protected override void HiddenChecked(PackedBatch batch, int layers, Span<float> hidden, CancellationToken cancellation) =>
        _pass.Hidden(batch, layers, hidden, cancellation);

    protected override void ForwardSavingChecked(PackedBatch batch, int slot, StepDropout? dropout, Span<float> output, CancellationToken cancellation)
    {
        T[] exact = new T[output.Length];
        ForwardSaving(batch, slot, dropout, exact, cancellation);
        ReferencePass<T>.Narrow(exact, output);
    }

    /// <summary>As <see cref="TrainingNetwork.ForwardSaving"/>, in the precision of the arithmetic.</summary>
    internal void ForwardSaving(PackedBatch batch, int slot, StepDropout? dropout, Span<T> output, CancellationToken cancellation = default)
    {
        _slots.Remove(slot);
        List<ReferencePass<T>.Saved> saved = [];
        _pass.Forward(batch, output, cancellation, dropout, saved);
        _slots[slot] = (batch, dropout, saved);
    }

    protected override void BackwardInside(int slot, ReadOnlySpan<float> outputGradient, CancellationToken cancellation)
    {
        T[] gradient = new T[outputGradient.Length];
        for (int i = 0; i < gradient.Length; i++) { gradient[i] = T.CreateChecked(outputGradient[i]); }
        Backward(slot, gradient, cancellation);
    }

    /// <summary>As <see cref="TrainingNetwork.Backward"/>, in the precision of the arithmetic.</summary>
    internal void Backward(int slot, ReadOnlySpan<T> outputGradient, CancellationToken cancellation = default)
    {
        (PackedBatch batch, StepDropout? dropout, List<ReferencePass<T>.Saved> saved) = _slots[slot];
        int width = Network.OutputSize;
        for (int sequence = 0; sequence < batch.Sequences; sequence++)
        {
            _pass.Backward(batch, saved[sequence], dropout, outputGradient.Slice(sequence * width, width), tensor => _gradients[tensor], cancellation);
        }
    }

    protected override StepResult StepInside(StepOptions options)
    {
        IEnumerable<Parameter> trained = Parameters.Parameters.Where(parameter => IsTrained(parameter.Tensor));
        double squares = 0;
        foreach (Parameter parameter in trained)
        {
            foreach (T value in _gradients[parameter.Tensor]) { squares += double.CreateChecked(value * value); }
        }
        double norm = Math.Sqrt(squares) / options.LossScale;
        if (double.IsFinite(norm)) { Update(trained, options, options.GradientFactor(norm)); }
        ClearGradientsInside();
        return new StepResult(norm, double.IsFinite(norm));
    }

    private void Update(IEnumerable<Parameter> trained, StepOptions options, double gradientFactor)
    {
        Steps++;
        foreach (Parameter parameter in trained)
        {
            T[] values = _weights[parameter.Tensor];
            AdamW.Coefficients<T> by = AdamW.For<T>(options, Steps, Options.Decays(parameter.Name), gradientFactor);
            AdamW.Update<T>(by, values, _gradients[parameter.Tensor], _first[parameter.Tensor], _second[parameter.Tensor]);
            Span<float> block = Parameters[parameter];
            for (int i = 0; i < values.Length; i++) { block[i] = float.CreateChecked(values[i]); }
        }
        Parameters.Changed();
    }

    protected override void ClearGradientsInside()
    {
        foreach (T[] gradient in _gradients.Values) { Array.Clear(gradient); }
    }

    protected override void ReadGradientInside(Parameter parameter, Span<float> values) => ReferencePass<T>.Narrow(_gradients[parameter.Tensor], values);

    protected override void ReadStateInside(Parameter parameter, OptimizerState state, Span<float> values) =>
        ReferencePass<T>.Narrow(State(parameter, state), values);

    protected override void WriteStateInside(Parameter parameter, OptimizerState state, ReadOnlySpan<float> values)
    {
        T[] to = State(parameter, state);
        for (int i = 0; i < to.Length; i++) { to[i] = T.CreateChecked(values[i]); }
    }

    private T[] State(Parameter parameter, OptimizerState state) => (state == OptimizerState.FirstMoment ? _first : _second)[parameter.Tensor];

    /// <summary>The parameters; arrays are the collector's.</summary>
    protected override void Free() => Parameters.Dispose();
}
