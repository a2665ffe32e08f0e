// What reranking costs beside its model: 'minilm rerank --run' end to end (start, files, tokens, ranks), and the bare passes of the same pairs, in turns.
//   dotnet run -c Release --project benchmarks/Reranking [QUERIES [PASSAGES [SECONDS]]]
using System.Globalization;
using MiniLM.Cli;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Model;
using MiniLM.Text;
using Peers;
using Reranking;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
int[] numbers = [3, 1000, 60];
for (int i = 0; i < args.Length; i++)
{
    if (i < numbers.Length && int.TryParse(args[i], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]) && numbers[i] > 0) { continue; }
    Console.Error.WriteLine($"Reranking: {args[i]}: give whole numbers from 1 up: [QUERIES [PASSAGES [SECONDS]]]");
    return 2;
}
(int queries, int passages, int seconds) = (numbers[0], numbers[1], numbers[2]);
Console.WriteLine($"{queries} queries x {passages} passages through a random cross-encoder in float32, end to end and bare in turns, "
    + $"{seconds} s or three turns: wait");
string folder = Directory.CreateTempSubdirectory("reranking-").FullName;
try
{
    string model = RandomCrossEncoder.Make(Path.Combine(folder, "model"));
    RerankedCollection collection = RerankedCollection.Make(folder, WordPieceTokenizer.Load(model), queries, passages);
    using ModelFolder opened = ModelFolder.Open(model);
    using CpuDevice device = new();
    using DeviceNetwork network = device.Load(opened.Network, Precision.Float32);
    BarePasses bare = new(network, opened.Network.Config.Architecture, collection);
    (double[] endToEnd, double[] passes) = Interleaved.Measure(() => Rerank(model, collection), bare.Run, seconds);
    double whole = endToEnd[endToEnd.Length / 2], part = passes[passes.Length / 2];
    int pairs = collection.Pairs.Count;
    Console.WriteLine($"{CpuTiers.Name(device.Tier)}, {device.Threads} threads; {queries} queries x {passages} passages, "
        + $"{bare.Tokens / (double)pairs:f1} tokens a pair; medians of {endToEnd.Length} and {passes.Length} runs");
    Console.WriteLine($"end to end {whole:f3} s, {pairs / whole:f1} pairs/s");
    Console.WriteLine($"bare       {part:f3} s, {pairs / part:f1} pairs/s");
    Console.WriteLine($"throughput end to end / bare: {part / whole:f4}");
}
finally { Directory.Delete(folder, recursive: true); }
return 0;

static void Rerank(string model, RerankedCollection collection)
{
    using StringWriter error = new();
    Session session = new(() => Stream.Null, Stream.Null, error, CancellationToken.None);
    int code = MiniLM.Cli.Program.Run(["rerank", "--model", model, "--queries", collection.Queries, "--corpus", collection.Corpus, "--run", collection.Run,
        "--output", collection.Output, "--overwrite"], session);
    if (code != 0) { throw new InvalidOperationException(error.ToString()); }
}
