// What padding costs a training: the judged pairs of a TREC collection, by each way of making batches, a step of each in turn.
//   dotnet run -c Release --project benchmarks/Padding -- FOLDER [PRECISION [STEPS]]
// FOLDER holds topics*.txt (query id, text), passages.tsv (passage id, text) and qrels*.txt; pairs whose texts are both there are used.
using System.Diagnostics;
using System.Globalization;
using MiniLM.Batching;
using MiniLM.Cli.Commands;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Model;
using MiniLM.Text;
using MiniLM.Training;
using MiniLM.Training.Sampling;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
const int BatchSize = 32, MaxLength = 200;
if (args.Length is 0 or > 3 || (args.Length > 1 && args[1] is not ("float32" or "bfloat16")) || (args.Length > 2 && !int.TryParse(args[2], out _)))
{
    Console.Error.WriteLine("Padding FOLDER [float32|bfloat16 [STEPS]]");
    return 2;
}
foreach (string needed in new[] { "topics*.txt", "passages.tsv", "qrels*.txt" })
{
    if (Directory.Exists(args[0]) && Directory.GetFiles(args[0], needed).Length == 1) { continue; }
    Console.Error.WriteLine($"{args[0]}: has not one {needed}; a folder of a TREC collection is needed, such as data/trec-dl19");
    return 2;
}
Precision precision = args.Length > 1 && args[1] == "bfloat16" ? Precision.BFloat16 : Precision.Float32;

string path = ModelFolder.Resolve(null);
using ModelFolder folder = ModelFolder.Open(path);
Network network = folder.Network with { Config = folder.Network.Config with { HiddenDropout = 0.1f, AttentionDropout = 0.1f } };
using TokenizedRows pairs = Pairs(args[0], WordPieceTokenizer.Load(path));
int[] lengths = [.. Enumerable.Range(0, pairs.Count).Select(row => pairs.Length(row))];
RowBatch[] random = [.. new ShuffledBatchSampler(pairs.Count, BatchSize, dropLast: false).Epoch(new Permutations(1, 0).Next)];
RowBatch[] grouped = [.. new LengthGroupedSampler(lengths, BatchSize, dropLast: false, gradientAccumulationSteps: 1).Epoch(new Permutations(1, 0).Next)];
Way[] ways =
[
    new("fixed, 200 tokens", random, (_, _) => MaxLength), new("dynamic, random order", random, (_, longest) => longest),
    new("dynamic, grouped by length", grouped, (_, longest) => longest), new("packed, random order", random, (length, _) => length),
];

using CpuDevice device = new();
using TrainingNetwork training = device.LoadForTraining(network, precision, new TrainingOptions());
int steps = args.Length > 2 ? Math.Min(int.Parse(args[2]), random.Length) : random.Length;
Step(ways[0], 0); // code and memory
for (int step = 0; step < steps; step++)
{
    int batch = (int)((long)random.Length * step / steps);
    foreach (Way way in ways) { way.Add(Step(way, batch), way.Shapes(batch, lengths), way.Count(batch, lengths), network); }
}

Console.WriteLine($"{pairs.Count} pairs, {lengths.Average():f1} tokens each ({pairs.Truncated} cut at {MaxLength}), batch {BatchSize}, "
    + $"{steps} of {random.Length} steps; {CpuTiers.Name(device.Tier)}, {device.Threads} threads, {precision}");
Console.WriteLine("| batches | padding computed | GFLOP | s | fixed / this, counted | measured |");
Console.WriteLine("| --- | --- | --- | --- | --- | --- |");
foreach (Way way in ways)
{
    Console.WriteLine($"| {way.Name} | {100 * way.Padding.PaddingShare:f1} % | {way.Flop / 1e9:f0} | {way.Seconds:f1} | "
        + $"{ways[0].Flop / way.Flop:f2} | {ways[0].Seconds / way.Seconds:f2} |");
}
double counted = ways[0].Flop / ways[^1].Flop, measured = ways[0].Seconds / ways[^1].Seconds;
Console.WriteLine($"packed against fixed, measured / counted: {measured / counted:f3}");
return 0;

TokenizedRows Pairs(string collection, WordPieceTokenizer tokenizer)
{
    Dictionary<string, string> queries = Texts(Directory.GetFiles(collection, "topics*.txt").Single());
    Dictionary<string, string> passages = Texts(Path.Combine(collection, "passages.tsv"));
    using TokenizedRowsWriter writer = new(tokenizer, MaxLength, Path.Combine(Path.GetTempPath(), $"padding-{Environment.ProcessId}"));
    foreach (string line in File.ReadLines(Directory.GetFiles(collection, "qrels*.txt").Single()))
    {
        string[] fields = line.Split(' ');
        if (!queries.TryGetValue(fields[0], out string? query) || !passages.TryGetValue(fields[2], out string? passage)) { continue; }
        writer.AddPair(query, passage);
        writer.EndRow();
    }
    return writer.Complete();
}

static Dictionary<string, string> Texts(string file) => File.ReadLines(file).Select(line => line.Split('\t', 2)).ToDictionary(line => line[0], line => line[1]);

double Step(Way way, int index)
{
    PackedBatch batch = new(), sequence = new();
    foreach (int row in way.Batches[index].Rows)
    {
        int length = way.Length(index, row, lengths);
        sequence.Clear();
        pairs.AddTo(sequence, row, 0, network.Config.Architecture);
        int[] ids = new int[length]; // padding is computed like any token
        sequence.TokenIds.AsSpan(0, lengths[row]).CopyTo(ids);
        batch.Add(ids, [], network.Config.Architecture);
    }
    float[] output = new float[batch.Sequences * network.OutputSize];
    StepDropout dropout = new(1, (uint)index, batch.Offsets);
    long start = Stopwatch.GetTimestamp();
    training.ForwardSaving(batch, 0, dropout, output);
    training.Backward(0, output);
    training.Step(new StepOptions(2e-5, 0.01));
    return Stopwatch.GetElapsedTime(start).TotalSeconds;
}

/// <summary>A way of making batches, and what it has cost so far.</summary>
/// <param name="Name">In the table.</param>
/// <param name="Batches">Of an epoch.</param>
/// <param name="Padded">Tokens computed of a sequence, by its length and its batch's longest.</param>
internal sealed record Way(string Name, RowBatch[] Batches, Func<int, int, int> Padded)
{
    internal double Seconds { get; private set; }

    /// <summary>Three forward passes' products.</summary>
    internal double Flop { get; private set; }

    internal PaddingCount Padding { get; private set; }

    internal int Length(int batch, int row, int[] lengths) => Padded(lengths[row], Batches[batch].Rows.Max(other => lengths[other]));

    internal IEnumerable<BenchShape> Shapes(int batch, int[] lengths) => Batches[batch].Rows.Select(row => new BenchShape(1, Length(batch, row, lengths)));

    internal PaddingCount Count(int batch, int[] lengths) =>
        new(Batches[batch].Rows.Sum(row => (long)lengths[row]), Batches[batch].Rows.Sum(row => (long)Length(batch, row, lengths)));

    internal void Add(double seconds, IEnumerable<BenchShape> shapes, PaddingCount count, Network network)
    {
        Seconds += seconds;
        Flop += 3 * shapes.Sum(shape => shape.Flops(network));
        Padding += count;
    }
}
