using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Compute.Reference;

/// <summary>Plain scalar code: what every other device is tested against, and slow.</summary>
public sealed class ReferenceDevice : Device
{
    /// <inheritdoc/>
    public override string Name => "reference";

    /// <inheritdoc/>
    public override string Description => "scalar C#, the definition that other devices are tested against";

    /// <inheritdoc/>
    public override bool Supports(Precision precision) => precision == Precision.Float32;

    private protected override DeviceNetwork Prepare(Network network, Precision precision, CancellationToken cancellation)
    {
        FiniteWeights.Check(network, 1, work => work(0), cancellation.ThrowIfCancellationRequested);
        return new ReferenceNetwork<float>(network);
    }

    private protected override TrainingNetwork PrepareForTraining(
        ParameterBlock parameters, Precision precision, TrainingOptions options, CancellationToken cancellation)
    {
        FiniteWeights.Check(parameters.Network, 1, work => work(0), cancellation.ThrowIfCancellationRequested);
        return new ReferenceTrainingNetwork<float>(parameters, options);
    }

    internal override void Similarity(
        ReadOnlySpan<float> queries, ReadOnlySpan<float> documents, int width, Span<float> scores, CancellationToken cancellation = default)
    {
        using Lifetime.Inside inside = Lifetime.Enter();
        int count = documents.Length / width;
        for (int query = 0; query < queries.Length / width; query++)
        {
            cancellation.ThrowIfCancellationRequested();
            Dense.Forward(queries.Slice(query * width, width), documents, [], width, scores.Slice(query * count, count));
        }
    }

    private protected override void Free()
    {
    }
}
