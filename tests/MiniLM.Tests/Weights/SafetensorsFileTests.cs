using System.Security.Cryptography;
using System.Text.Json;
using MiniLM.Weights;

namespace MiniLM.Tests.Weights;

public sealed unsafe class SafetensorsFileTests
{
    internal static string Folder { get; } = SharedFolder.Root is { } shared && Directory.Exists(Path.Combine(shared, "golden", "formats", "safetensors"))
        ? Path.Combine(shared, "golden", "formats", "safetensors") : FixtureFolder.Path("safetensors");

    internal static JsonElement Cases(string manifest) =>
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, manifest))).RootElement.GetProperty("files").Clone();

    internal static ReadOnlySpan<byte> Bytes(Tensor tensor) => new(tensor.Data, checked((int)tensor.LengthBytes));

    [Fact]
    public void Open_ReadsEveryValidFile()
    {
        int seen = 0;
        foreach (JsonProperty file in Cases("valid.json").EnumerateObject())
        {
            using SafetensorsFile opened = new(Path.Combine(Folder, "valid", file.Name));
            JsonElement tensors = file.Value.GetProperty("tensors"), metadata = file.Value.GetProperty("metadata");
            Assert.Equal(file.Value.GetProperty("header_length").GetInt64(), opened.HeaderBytes);
            Assert.Equal(tensors.GetPropertyCount(), opened.Tensors.Count);
            Assert.Equal(metadata.ValueKind == JsonValueKind.Null ? 0 : metadata.GetPropertyCount(), opened.Metadata.Count);
            foreach (JsonProperty expected in metadata.ValueKind == JsonValueKind.Null ? default : metadata.EnumerateObject())
            {
                Assert.Equal(expected.Value.GetString(), opened.Metadata[expected.Name]);
            }
            foreach (JsonProperty expected in tensors.EnumerateObject()) { AssertTensor(expected, opened, file.Name); }
            seen++;
        }
        Assert.NotEqual(0, seen);
    }

    private static void AssertTensor(JsonProperty expected, SafetensorsFile opened, string file)
    {
        Tensor tensor = opened.Find(expected.Name) ?? throw new InvalidDataException($"{file}: no {expected.Name}");
        Assert.Equal(expected.Value.GetProperty("dtype").GetString(), tensor.ElementType.FormatName());
        Assert.Equal(expected.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()), tensor.Shape.ToArray());
        Assert.Equal(expected.Value.GetProperty("sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(Bytes(tensor))));
        if (!tensor.ElementType.IsWeight() || !expected.Value.TryGetProperty("values", out JsonElement values)) { return; }
        float[] actual = tensor.ToFloats();
        int i = 0;
        foreach (JsonElement value in values.EnumerateArray())
        {
            float number = value.ValueKind == JsonValueKind.Number ? (float)value.GetDouble() : value.GetString() switch
            {
                "NaN" => float.NaN,
                "Infinity" => float.PositiveInfinity,
                _ => float.NegativeInfinity,
            };
            Assert.Equal(number, actual[i++]);
        }
        Assert.Equal(actual.Length, i);
    }

    [Fact]
    public void Open_RefusesEveryHostileFileInOneLine()
    {
        int seen = 0;
        foreach (JsonProperty file in Cases("hostile.json").EnumerateObject())
        {
            string path = Path.Combine(Folder, "hostile", file.Name);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Exception? thrown = Record.Exception(() => new SafetensorsFile(path, file.Name).Dispose());
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 4 << 20, $"{file.Name}: {allocated} bytes allocated");
            if (thrown is null)
            {
                Assert.True(file.Value.GetProperty("verdict").GetString() != "refuse", $"{file.Name} was read: {file.Value.GetProperty("reason")}");
            }
            else
            {
                string message = Assert.IsType<ModelFormatException>(thrown).Message;
                Assert.DoesNotContain('\n', message);
                Assert.StartsWith($"{file.Name}: ", message, StringComparison.Ordinal);
                Assert.True(message.Length < 500, message);
            }
            seen++;
        }
        Assert.NotEqual(0, seen);
    }

    [Fact]
    public void Open_EveryCutOfAValidFileIsRefused()
    {
        byte[] whole = File.ReadAllBytes(Path.Combine(Folder, "valid", "scalars.safetensors"));
        using TemporaryFolder folder = new();
        string path = folder.File("cut.safetensors");
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Throws<ModelFormatException>(() => new SafetensorsFile(path));
        }
    }

    [Fact]
    public void Open_AnyChangedHeaderByteIsReadOrRefusedButNeverCrashes()
    {
        byte[] whole = File.ReadAllBytes(Path.Combine(Folder, "valid", "metadata_single.safetensors"));
        using TemporaryFolder folder = new();
        string path = folder.File("changed.safetensors");
        Random random = new(1);
        for (int i = 0; i < 2_000; i++)
        {
            byte[] changed = [.. whole];
            changed[random.Next(Math.Min(whole.Length, 200))] = (byte)random.Next(256);
            File.WriteAllBytes(path, changed);
            Exception? thrown = Record.Exception(() => new SafetensorsFile(path).Dispose());
            if (thrown is not null) { Assert.IsType<ModelFormatException>(thrown); }
        }
    }

    [Fact]
    public void Open_AMissingFileIsRefusedByName() =>
        Assert.StartsWith("nowhere.safetensors: ", Assert.Throws<ModelFormatException>(() => new SafetensorsFile("nowhere.safetensors")).Message,
            StringComparison.Ordinal);
}
