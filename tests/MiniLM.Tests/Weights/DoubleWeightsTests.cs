using MiniLM.Compute.Reference;
using MiniLM.Tests.Model;
using MiniLM.Weights;

namespace MiniLM.Tests.Weights;

/// <summary>Weights of 64 bits are rounded to float32, to nearest, ties to even.</summary>
public sealed unsafe class DoubleWeightsTests
{
    [Fact]
    public void Read_RoundsToNearest()
    {
        double[] values = [.1, 1 + Math.Pow(2, -24), 1 + Math.Pow(2, -24) + Math.Pow(2, -40), 1 + 3 * Math.Pow(2, -24), -1e-46, 3.4028235e38, 1e300];
        float[] read = new float[5];
        fixed (double* data = values)
        {
            Tensor tensor = Of("x", [7], data);
            fixed (float* to = read) { tensor.Read(1, 5, to); }
            Assert.Equal([1, 1.0000001f, 1.0000002f, -0f, float.MaxValue], read);
            Assert.Equal(.1f, tensor.ToFloats()[0]);
            Assert.Equal((-1L, 6L), (FloatConversion.FirstNonFinite(tensor, 0, 6), FloatConversion.FirstNonFinite(tensor, 0, 7)));
        }
    }

    [Fact]
    public void Model_EmbedsAsWithTheFloatsThatTheyAre()
    {
        List<double[]> kept = []; // pinned
        using EditedModel model = new EditedModel().Tensors(tensor =>
        {
            double[] values = GC.AllocateArray<double>((int)tensor.Count, pinned: true);
            tensor.ToFloats().Select(value => (double)value).ToArray().CopyTo(values, 0);
            kept.Add(values);
            fixed (double* data = values) { return new StoredTensor(Of(tensor.Name, tensor.Shape.ToArray(), data)); }
        });
        using ReferenceDevice device = new();
        using BiEncoder doubles = BiEncoder.Open(model.Path, device), floats = BiEncoder.Open(FixtureFolder.Path("models", "bert"), device);
        Assert.All(doubles.Folder.Tensors, tensor => Assert.Equal(ElementType.F64, tensor.ElementType));
        Assert.Equal(floats.Embed("one two"), doubles.Embed("one two"));
    }

    private static Tensor Of(string name, long[] shape, double* data) =>
        new(name, ElementType.F64, shape, (byte*)data, shape.Aggregate(1L, (count, size) => count * size) * sizeof(double), "memory");
}
