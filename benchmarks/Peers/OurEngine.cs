using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Model;

namespace Peers;

/// <summary>This engine: packed batches of up to 8,192 tokens, as <c>minilm embed</c> makes them.</summary>
internal sealed class OurEngine(ModelFolder model, CpuDevice device, Precision precision) : IDisposable
{
    private const int BatchTokens = 8192;

    private readonly DeviceNetwork _network = device.Load(model.Network, precision);
    private readonly PackedBatch _batch = new();
    private float[] _output = [];

    internal float[] Results(Workload workload)
    {
        Run(workload);
        int size = model.OutputSize;
        return [.. Enumerable.Range(0, workload.Sequences.Length).Reverse().SelectMany(i => _output[(i * size)..((i + 1) * size)])];
    }

    internal void Run(Workload workload)
    {
        int count = workload.Sequences.Length, size = model.OutputSize;
        if (_output.Length < count * size) { _output = new float[count * size]; }
        for (int end = count; end > 0;) // longest first
        {
            _batch.Clear();
            int first = end;
            for (; first > 0 && (first == end || workload.Length is not null || _batch.Rows + workload.Sequences[first - 1].Length <= BatchTokens); first--)
            {
                _batch.Add(workload.Sequences[first - 1], [], model.Network.Config.Architecture);
            }
            _network.Forward(_batch, _output.AsSpan((count - end) * size, (end - first) * size));
            end = first;
        }
    }

    public void Dispose() => _network.Dispose();
}
