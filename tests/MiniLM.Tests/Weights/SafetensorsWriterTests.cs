using System.Runtime.InteropServices;
using System.Text.Json;
using MiniLM.Weights;

namespace MiniLM.Tests.Weights;

public sealed unsafe class SafetensorsWriterTests
{
    [Fact]
    public void Write_GivesTheBytesOfTheLibrary()
    {
        using TemporaryFolder folder = new();
        int seen = 0;
        foreach (JsonProperty file in SafetensorsFileTests.Cases("valid.json").EnumerateObject())
        {
            if (!file.Value.TryGetProperty("written_by_library", out JsonElement byLibrary) || !byLibrary.GetBoolean()) { continue; }
            string source = Path.Combine(SafetensorsFileTests.Folder, "valid", file.Name), copy = folder.File("copy.safetensors");
            using SafetensorsFile opened = new(source);
            bool hasMetadata = file.Value.GetProperty("metadata").ValueKind != JsonValueKind.Null;
            SafetensorsWriter.Write(copy, [.. opened.Tensors.Reverse().Select(tensor => new StoredTensor(tensor))], hasMetadata ? opened.Metadata : null);
            byte[] expected = File.ReadAllBytes(source), actual = File.ReadAllBytes(copy);
            // With two or more entries the library's order is random; ours is sorted.
            if (opened.Metadata.Count < 2) { Assert.True(expected.AsSpan().SequenceEqual(actual), $"{file.Name}: other bytes"); }
            else { Assert.Equal(expected.Length, actual.Length); }
            seen++;
        }
        Assert.NotEqual(0, seen);
    }

    [Fact]
    public void Write_RandomTensorsComeBackTheSame()
    {
        using TemporaryFolder folder = new();
        for (int seed = 0; seed < 50; seed++)
        {
            Random random = new(seed);
            List<StoredTensor> tensors = [];
            for (int i = random.Next(12); i >= 0; i--)
            {
                ElementType type = Enum.GetValues<ElementType>()[random.Next(22)];
                long[] shape = [.. Enumerable.Range(0, random.Next(4)).Select(_ => (long)random.Next(5)), 8];
                long length = shape.Aggregate(1L, (product, size) => product * size) * type.Bits() / 8;
                byte* data = (byte*)NativeMemory.Alloc((nuint)Math.Max(length, 1)); // lives as long as the test run
                random.NextBytes(new Span<byte>(data, (int)length));
                tensors.Add(new StoredTensor(new Tensor($"t{i}.\n\u00e9\"{(char)random.Next(1, 0xd7ff)}", type, shape, data, length, "memory")));
            }
            string path = folder.File("random.safetensors");
            SafetensorsWriter.Write(path, tensors, null);
            using SafetensorsFile opened = new(path);
            Assert.Equal(tensors.Count, opened.Tensors.Count);
            foreach (StoredTensor stored in tensors)
            {
                Tensor tensor = Assert.IsType<Tensor>(opened.Find(stored.Name));
                Assert.Equal(stored.ElementType, tensor.ElementType);
                Assert.True(stored.Source.Shape.SequenceEqual(tensor.Shape));
                Assert.True(SafetensorsFileTests.Bytes(stored.Source).SequenceEqual(SafetensorsFileTests.Bytes(tensor)));
            }
        }
    }

    [Theory]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    public void Write_RoundsToNearestEven(ElementType type)
    {
        // For every finite stored value v and its neighbour w above: v, w and what lies beside their middle; the middle goes to the even one.
        List<float> values = [];
        List<ushort> expected = [];
        int most = type == ElementType.F16 ? 0x7bff : 0x7f7f;
        for (int bits = 0; bits < most; bits++)
        {
            float low = Wide(bits), high = Wide(bits + 1), middle = (float)(((double)low + high) / 2);
            if (middle == low || middle == high) { continue; } // bf16 denormals have no room between them in float
            values.AddRange([low, -low, middle, MathF.BitDecrement(middle), MathF.BitIncrement(middle)]);
            expected.AddRange([(ushort)bits, (ushort)(bits | 0x8000), (ushort)((bits & 1) == 0 ? bits : bits + 1), (ushort)bits, (ushort)(bits + 1)]);
        }
        Assert.Equal(expected, Convert([.. values], type));

        float Wide(int bits) => type == ElementType.F16
            ? (float)BitConverter.UInt16BitsToHalf((ushort)bits)
            : BitConverter.UInt32BitsToSingle((uint)bits << 16);
    }

    [Theory]
    [InlineData(ElementType.F16, 65520f)]
    [InlineData(ElementType.F16, -1e30f)]
    [InlineData(ElementType.BF16, float.MaxValue)]
    public void Write_RefusesAValueThatWouldBecomeInfinite(ElementType type, float value)
    {
        string message = Assert.Throws<ModelFormatException>(() => Convert([1, 2, value], type)).Message;
        Assert.Contains("'big'", message, StringComparison.Ordinal);
        Assert.Contains("element 2", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ElementType.F16, 65504f)]
    [InlineData(ElementType.F16, 65519.996f)]
    [InlineData(ElementType.F16, float.PositiveInfinity)]
    [InlineData(ElementType.BF16, float.NaN)]
    public void Write_KeepsLargestInfiniteAndNaN(ElementType type, float value) => Assert.Single(Convert([value], type));

    [Fact]
    public void Write_LeavesNoFileBehindWhenItFails()
    {
        using TemporaryFolder folder = new();
        fixed (float* data = new[] { 1e30f })
        {
            StoredTensor big = new("big", new Tensor("big", ElementType.F32, [1], (byte*)data, 4, "memory"), ElementType.F16);
            Assert.Throws<ModelFormatException>(() => SafetensorsWriter.Write(folder.File("f.safetensors"), [big], null));
        }
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    private static ushort[] Convert(float[] values, ElementType type)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("f.safetensors");
        fixed (float* data = values)
        {
            Tensor source = new("big", ElementType.F32, [values.Length], (byte*)data, values.Length * 4, "memory");
            SafetensorsWriter.Write(path, [new StoredTensor("big", source, type)], null);
        }
        using SafetensorsFile opened = new(path);
        return MemoryMarshal.Cast<byte, ushort>(SafetensorsFileTests.Bytes(opened.Tensors[0])).ToArray();
    }
}
