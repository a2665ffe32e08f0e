using BenchmarkDotNet.Attributes;
using MiniLM.Cpu;
using MiniLM.Data;
using MiniLM.Retrieval;

namespace Operations;

/// <summary>The ten nearest of 50,000 vectors of 384 in a file, exactly.</summary>
public class Search : IMeasured
{
    private const int Documents = 50_000, Width = 384;

    private string _folder = "";
    private VectorIndex _index = null!;
    private CpuDevice _device = null!;
    private float[] _queries = [];

    [Params(1, 16)]
    public int Queries { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _folder = Path.Combine(Path.GetTempPath(), $"minilm-operations-{Environment.ProcessId}");
        Random random = new(1);
        using (VectorIndexWriter writer = new(_folder, Width))
        {
            float[] vector = new float[Width];
            for (int document = 0; document < Documents; document++)
            {
                Fill(vector, random);
                writer.Add(new Document($"{document}", "", ""), vector);
            }
            writer.Complete("random", "random");
        }
        (_index, _device, _queries) = (VectorIndex.Open(_folder), new CpuDevice(1), new float[Queries * Width]);
        Fill(_queries, random);
    }

    private static void Fill(float[] values, Random random)
    {
        for (int i = 0; i < values.Length; i++) { values[i] = random.NextSingle() - .5f; }
    }

    [Benchmark]
    public SearchHit[][] TopTen() => _index.Search(_queries, 10, _device);

    public Work? WorkOf(string benchmark) => new Work(2.0 * Queries * Documents * Width, (double)sizeof(float) * Documents * Width, Memory: Memory.Dram);

    [GlobalCleanup]
    public void Close()
    {
        _index.Dispose();
        _device.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
