using MiniLM.Batching;
using MiniLM.Model;
using MiniLM.Training;
using MiniLM.Weights;

namespace MiniLM.Compute;

/// <summary>State of the optimiser that a checkpoint keeps, per parameter.</summary>
internal enum OptimizerState
{
    FirstMoment,
    SecondMoment,
}

/// <summary>A network whose weights are trained where they are. <see cref="DeviceNetwork.Forward"/> infers with the weights of the moment.</summary>
/// <remarks>
/// A step: <see cref="ForwardSaving"/> and <see cref="Backward"/> for each batch of it, in any order of slots, then <see cref="Step"/>. What is saved of a
/// forward pass lies in its slot until that is used again. Not thread-safe: a trainer is one caller.
/// </remarks>
internal abstract class TrainingNetwork : DeviceNetwork
{
    /// <param name="parameters">Become the network's.</param>
    /// <param name="options">Which of them change.</param>
    protected TrainingNetwork(ParameterBlock parameters, TrainingOptions options) : base(parameters.Network)
    {
        (Parameters, Options) = (parameters, options);
        _trained = [.. parameters.Parameters.Where(parameter => options.IsTrained(parameter.Name)).Select(parameter => parameter.Tensor)];
        EncoderWeights encoder = parameters.Network.Encoder;
        Tensor?[] below = [encoder.WordEmbeddings, encoder.PositionEmbeddings, encoder.TokenTypeEmbeddings, encoder.EmbeddingNorm.Gamma,
            encoder.EmbeddingNorm.Beta, encoder.RelativeAttentionBias];
        LowestTrained = below.Any(IsTrained) ? -1 : encoder.Layers.TakeWhile(layer => !layer.Linears.Any(linear => IsTrained(linear.Weight)
            || IsTrained(linear.Bias)) && !layer.Norms.Any(norm => IsTrained(norm.Gamma) || IsTrained(norm.Beta))).Count();
    }

    private readonly HashSet<Tensor> _trained;

    /// <summary>Whether it has a gradient.</summary>
    protected bool IsTrained(Tensor? tensor) => tensor is not null && _trained.Contains(tensor);

    /// <summary>The layer at which the way back ends, for below it nothing is trained; -1: the embeddings are, or a bias that all layers share.</summary>
    protected int LowestTrained { get; }

    /// <summary>The weights, in float32 whatever the precision; those of the moment after <see cref="Hold"/>.</summary>
    internal ParameterBlock Parameters { get; }

    protected TrainingOptions Options { get; }

    /// <summary>Steps taken so far, as Adam's bias correction counts them: a skipped one is none.</summary>
    internal int Steps { get; set; }

    /// <summary>As <see cref="DeviceNetwork.Forward"/>, with dropout, keeping what backward needs.</summary>
    /// <param name="batch">Must not change before <see cref="Backward"/>.</param>
    /// <param name="slot">From 0.</param>
    /// <param name="dropout">Null: nothing is dropped.</param>
    /// <param name="output">[sequences, OutputSize].</param>
    /// <param name="cancellation">Looked at all along; the slot is empty after it.</param>
    internal void ForwardSaving(PackedBatch batch, int slot, StepDropout? dropout, Span<float> output, CancellationToken cancellation = default)
    {
        using Lifetime.Inside inside = EnterChecked(batch, output.Length);
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        if (dropout is { FirstRows: { } rows } && rows.Length < batch.Sequences)
        {
            throw new ArgumentException("dropout: a first row for each sequence is needed");
        }
        ForwardSavingChecked(batch, slot, dropout, output, cancellation);
    }

    /// <summary>Adds the gradient of a slot's batch to the gradients of the parameters.</summary>
    /// <param name="slot">Of <see cref="ForwardSaving"/>.</param>
    /// <param name="outputGradient">[sequences, OutputSize].</param>
    /// <param name="cancellation">Looked at all along; gradients are undefined after it.</param>
    internal void Backward(int slot, ReadOnlySpan<float> outputGradient, CancellationToken cancellation = default)
    {
        using Lifetime.Inside inside = Enter();
        BackwardInside(slot, outputGradient, cancellation);
    }

    /// <summary>Moves the parameters by the gradients, if these are finite, and sets the gradients to 0.</summary>
    internal StepResult Step(StepOptions options)
    {
        using Lifetime.Inside inside = Enter();
        return StepInside(options);
    }

    /// <summary>Sets the gradients to 0.</summary>
    internal void ClearGradients()
    {
        using Lifetime.Inside inside = Enter();
        ClearGradientsInside();
    }

    /// <summary>The gradient summed so far.</summary>
    internal void ReadGradient(Parameter parameter, Span<float> values)
    {
        using Lifetime.Inside inside = Enter();
        ReadGradientInside(parameter, values);
    }

    internal void ReadState(Parameter parameter, OptimizerState state, Span<float> values)
    {
        using Lifetime.Inside inside = Enter();
        ReadStateInside(parameter, state, values);
    }

    internal void WriteState(Parameter parameter, OptimizerState state, ReadOnlySpan<float> values)
    {
        using Lifetime.Inside inside = Enter();
        WriteStateInside(parameter, state, values);
    }

    /// <summary>Brings <see cref="Parameters"/> to where the last step left them, and keeps them there until the result is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The network or its device.</exception>
    internal Lifetime.Inside Hold()
    {
        Lifetime.Inside inside = Enter();
        FetchInside();
        return inside;
    }

    /// <summary>Brings <see cref="Parameters"/> from the device's own memory, where it has one.</summary>
    protected virtual void FetchInside()
    {
    }

    /// <inheritdoc cref="Backward"/>
    protected abstract void BackwardInside(int slot, ReadOnlySpan<float> outputGradient, CancellationToken cancellation);

    /// <inheritdoc cref="Step"/>
    protected abstract StepResult StepInside(StepOptions options);

    /// <inheritdoc cref="ClearGradients"/>
    protected abstract void ClearGradientsInside();

    /// <inheritdoc cref="ReadGradient"/>
    protected abstract void ReadGradientInside(Parameter parameter, Span<float> values);

    /// <inheritdoc cref="ReadState"/>
    protected abstract void ReadStateInside(Parameter parameter, OptimizerState state, Span<float> values);

    /// <inheritdoc cref="WriteState"/>
    protected abstract void WriteStateInside(Parameter parameter, OptimizerState state, ReadOnlySpan<float> values);

    /// <inheritdoc cref="ForwardSaving"/>
    protected abstract void ForwardSavingChecked(PackedBatch batch, int slot, StepDropout? dropout, Span<float> output, CancellationToken cancellation);
}
