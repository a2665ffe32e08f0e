using Microsoft.ML.OnnxRuntime;
using MiniLM.Export;
using MiniLM.Model;

namespace Peers;

/// <summary>ONNX Runtime on our exported graph: every optimization, batches padded to their longest sequence.</summary>
internal sealed class OrtEngine : IDisposable
{
    private static readonly string[] Inputs = ["input_ids", "attention_mask", "token_type_ids"], Outputs = ["sentence_embedding"];

    private readonly InferenceSession _session;
    private readonly RunOptions _options = new();
    private readonly int _size;
    private readonly Dictionary<Workload, Feed[]> _feeds = [];
    private float[] _output = [];

    internal OrtEngine(ModelFolder model, int threads)
    {
        _size = model.OutputSize;
        string folder = Directory.CreateTempSubdirectory("minilm-peers-").FullName;
        try
        {
            string file = Path.Combine(folder, "model.onnx");
            OnnxExporter.Write(model, file);
            using SessionOptions options = new()
            {
                IntraOpNumThreads = threads,
                InterOpNumThreads = 1,
                ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
                GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            };
            _session = new InferenceSession(file, options);
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    internal static string Version => OrtEnv.Instance().GetVersionString();

    internal float[] Results(Workload workload)
    {
        Run(workload);
        return _output[..(workload.Sequences.Length * _size)];
    }

    internal void Run(Workload workload)
    {
        if (!_feeds.TryGetValue(workload, out Feed[]? feeds)) { _feeds.Add(workload, feeds = [.. Prepare(workload)]); }
        if (_output.Length < workload.Sequences.Length * _size) { _output = new float[workload.Sequences.Length * _size]; }
        int at = 0;
        foreach (Feed feed in feeds)
        {
            using IDisposableReadOnlyCollection<OrtValue> results = _session.Run(_options, Inputs, feed.Values, Outputs);
            ReadOnlySpan<float> rows = results[0].GetTensorDataAsSpan<float>();
            rows.CopyTo(_output.AsSpan(at));
            at += rows.Length;
        }
    }

    private static IEnumerable<Feed> Prepare(Workload workload)
    {
        foreach (int[][] batch in workload.Sequences.Chunk(workload.Batch))
        {
            int length = batch.Max(sequence => sequence.Length);
            (long[] ids, long[] mask, long[] types) = (new long[batch.Length * length], new long[batch.Length * length], new long[batch.Length * length]);
            for (int i = 0; i < batch.Length; i++)
            {
                for (int j = 0; j < batch[i].Length; j++) { (ids[i * length + j], mask[i * length + j]) = (batch[i][j], 1); }
            }
            long[] shape = [batch.Length, length];
            yield return new Feed([Value(ids), Value(mask), Value(types)]);

            OrtValue Value(long[] data) => OrtValue.CreateTensorValueFromMemory(data, shape);
        }
    }

    private sealed record Feed(OrtValue[] Values);

    public void Dispose()
    {
        foreach (OrtValue value in _feeds.Values.SelectMany(feeds => feeds).SelectMany(feed => feed.Values)) { value.Dispose(); }
        _options.Dispose();
        _session.Dispose();
    }
}
