using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Model;

namespace Reranking;

/// <summary>All pairs through the network, packed beforehand, longest first in batches of the usual budget: nothing but passes is left.</summary>
internal sealed class BarePasses
{
    private const int BatchTokens = 8192; // as 'minilm rerank' has it

    private readonly DeviceNetwork _network;
    private readonly List<PackedBatch> _batches = [];
    private readonly float[] _logits;

    internal BarePasses(DeviceNetwork network, Architecture architecture, RerankedCollection collection)
    {
        _network = network;
        int[] lengths = [.. collection.Pairs.Select(pair => pair.Length)];
        ReadOnlySpan<int> order = new LengthOrder().Of(lengths);
        for (int first = 0, end; first < order.Length; first = end)
        {
            end = TokenBudget.BatchEnd(lengths, order, first, BatchTokens);
            PackedBatch batch = new();
            foreach (int pair in order[first..end]) { batch.Add(collection.Pairs[pair], collection.TypeIds[pair], architecture); }
            _batches.Add(batch);
        }
        Tokens = lengths.Sum(length => (long)length);
        _logits = new float[lengths.Length];
    }

    internal long Tokens { get; }

    internal void Run()
    {
        foreach (PackedBatch batch in _batches) { _network.Forward(batch, _logits.AsSpan(0, batch.Sequences)); }
    }
}
