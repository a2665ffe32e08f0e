using MiniLM.Model;

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

    internal override DeviceNetwork Load(Network network, Precision precision)
    {
        FiniteWeights.Check(network, 1, work => work(0));
        return new ReferenceNetwork<float>(network);
    }

    internal override void Similarity(ReadOnlySpan<float> queries, ReadOnlySpan<float> documents, int width, Span<float> scores) =>
        Dense.Forward(queries, documents, [], width, scores);
}
