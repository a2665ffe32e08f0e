using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Training;

namespace MiniLM.Cli.Commands;

/// <summary>A training step with dropout whose loss is the sum of the outputs, some of them negative: what a loss costs is not measured.</summary>
internal sealed class MeasuredStep(TrainingNetwork network)
{
    private static readonly StepOptions Options = new(LearningRate: 1e-6, WeightDecay: .01);
    private float[] _gradient = [];
    private uint _step;

    internal void Forward(PackedBatch batch, float[] output, CancellationToken cancellation)
    {
        if (_gradient.Length != output.Length) { _gradient = GradientOf(output.Length); }
        network.ForwardSaving(batch, 0, new StepDropout(1, _step++, batch.Offsets), output, cancellation);
    }

    // Not inside Forward, where the lambda's closure would be made at every step.
    private static float[] GradientOf(int length) => [.. Enumerable.Range(0, length).Select(i => (i % 3 - 1) / (float)length)];

    internal void Backward(CancellationToken cancellation) => network.Backward(0, _gradient, cancellation);

    internal void Update() => network.Step(Options);
}
