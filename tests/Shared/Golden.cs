using MiniLM.Weights;

namespace MiniLM.Tests;

/// <summary>The tensors of a golden safetensors file, by name.</summary>
internal sealed unsafe class Golden : IDisposable
{
    private readonly SafetensorsFile _file;
    private readonly Dictionary<string, Tensor> _tensors;

    internal Golden(string path)
    {
        _file = new SafetensorsFile(path);
        _tensors = _file.Tensors.ToDictionary(tensor => tensor.Name);
    }

    internal IEnumerable<string> Names => _tensors.Keys;

    /// <summary>What the names of each input's tensors begin with.</summary>
    internal string[] Prefixes()
    {
        string[] prefixes = [.. Names.Where(name => name.EndsWith(".input_ids", StringComparison.Ordinal)).Select(name => name[..^"input_ids".Length])];
        Assert.NotEmpty(prefixes);
        return prefixes;
    }

    internal Tensor Tensor(string name) => _tensors[name];

    internal bool Has(string name) => _tensors.ContainsKey(name);

    internal long[] Shape(string name) => _tensors[name].Shape.ToArray();

    internal float[] Floats(string name) => _tensors[name].ToFloats();

    internal long[] Longs(string name) => new ReadOnlySpan<byte>(_tensors[name].Data, (int)_tensors[name].LengthBytes).ToArray() is var bytes
        ? [.. Enumerable.Range(0, bytes.Length / 8).Select(i => BitConverter.ToInt64(bytes, 8 * i))]
        : [];

    /// <summary>The float64 values where the file has them, else the float32 ones or whole numbers.</summary>
    internal double[] Doubles(string name)
    {
        Tensor tensor = _tensors.TryGetValue(name + "_f64", out Tensor? exact) ? exact : _tensors[name];
        if (tensor.ElementType == ElementType.I64) { return Array.ConvertAll(Longs(name), value => (double)value); }
        if (tensor.ElementType != ElementType.F64) { return Array.ConvertAll(tensor.ToFloats(), value => (double)value); }
        byte[] bytes = new ReadOnlySpan<byte>(tensor.Data, (int)tensor.LengthBytes).ToArray();
        return [.. Enumerable.Range(0, bytes.Length / 8).Select(i => BitConverter.ToDouble(bytes, 8 * i))];
    }

    public void Dispose() => _file.Dispose();
}
