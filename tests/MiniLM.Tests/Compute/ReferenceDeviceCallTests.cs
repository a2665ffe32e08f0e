using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Model;

namespace MiniLM.Tests.Compute;

public sealed class ReferenceDeviceCallTests : DeviceCallContract
{
    protected override Device Open() => new ReferenceDevice();

    [Fact]
    public void ACancellationWithinALayer_EndsThePassWithinThatLayer()
    {
        using ModelFolder folder = ModelFolder.Open(DeviceContract.Fixture("models", "bert"));
        using CancellationTokenSource source = new();
        List<(int Layer, string Name)> seen = [];
        using ReferenceNetwork<float> network = new(folder.Network, (layer, name, _) =>
        {
            seen.Add((layer, name));
            if (layer == 1) { source.Cancel(); }
        });
        PackedBatch batch = DeviceContract.RandomBatch(folder.Network.Config, [7, 7], seed: 1);
        Assert.Throws<OperationCanceledException>(() => network.Forward(batch, new float[2 * folder.OutputSize], source.Token));
        Assert.Equal(1, seen[^1].Layer); // layer 1 of the first of two sequences was observed as a whole, nothing after it
        Assert.Equal(2, seen.Select(value => value.Layer).Distinct().Count());
    }

    [Fact]
    public void ACancelledAttention_ComputesNoFurtherHead()
    {
        const int Heads = 4, Length = 3, Width = 8;
        using CancellationTokenSource source = new();
        source.Cancel();
        float[] rows = [.. Enumerable.Range(0, Length * Width).Select(i => (float)i)], scores = new float[Heads * Length * Length];
        Assert.Throws<OperationCanceledException>(() => SelfAttention.Forward<float>(
            rows, rows, rows, Heads, [], [0, 1, 2], scores, new float[scores.Length], new float[rows.Length], cancellation: source.Token));
        Assert.Equal(new float[scores.Length], scores);
    }
}
