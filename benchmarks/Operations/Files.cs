using BenchmarkDotNet.Attributes;
using MiniLM.Model;
using MiniLM.Weights;

namespace Operations;

/// <summary>The shipped model's file: mapped, header read, tensors found.</summary>
public class Files : IMeasured
{
    private string _path = "";

    [GlobalSetup]
    public void Setup() => _path = Path.Combine(ModelFolder.Resolve(null), "model.safetensors");

    [Benchmark]
    public int OpenSafetensors()
    {
        using SafetensorsFile file = new(_path);
        return file.Tensors.Count;
    }

    public Work? WorkOf(string benchmark) => null;
}
