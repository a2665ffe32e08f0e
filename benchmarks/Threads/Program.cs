// What it costs that no pass is computed on its caller's thread (what AMX will need): both modes in turns, the shipped model.
//   dotnet run -c Release --project benchmarks/Threads [SECONDS]
using System.Globalization;
using MiniLM.Batching;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Model;
using Peers;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
double seconds = args.Length > 0 ? double.Parse(args[0]) : 4;
using ModelFolder model = ModelFolder.Open(ModelFolder.Resolve(null));
using CpuDevice withCaller = new(null, CpuTiers.InForce()), own = new(null, CpuTiers.InForce(), ownThreads: true);
using DeviceNetwork first = withCaller.Load(model.Network, Precision.Float32), second = own.Load(model.Network, Precision.Float32);
Console.WriteLine($"{CpuTiers.Name(withCaller.Tier)}, {withCaller.Threads} threads; medians of passes");
Console.WriteLine("| shape | with the caller, ms | own threads only, ms | ratio | difference, us |");
Console.WriteLine("| --- | --- | --- | --- | --- |");
foreach ((int sequences, int length) in new[] { (1, 8), (1, 16), (1, 32), (1, 64), (1, 128), (8, 128), (32, 128) })
{
    PackedBatch batch = new();
    Random ids = new(1);
    for (int i = 0; i < sequences; i++)
    {
        batch.Add([.. Enumerable.Range(0, length).Select(_ => ids.Next(1000, model.Network.Config.VocabSize))], [], model.Network.Config.Architecture);
    }
    float[] a = new float[sequences * model.OutputSize], b = new float[a.Length];
    (double[] caller, double[] alone) = Interleaved.Measure(() => first.Forward(batch, a), () => second.Forward(batch, b), seconds);
    if (!a.AsSpan().SequenceEqual(b)) { throw new InvalidOperationException($"{sequences}x{length}: other bits on own threads"); }
    double x = caller[caller.Length / 2], y = alone[alone.Length / 2];
    Console.WriteLine($"| {sequences}x{length} | {x * 1e3:f3} | {y * 1e3:f3} | {y / x:f3} | {(y - x) * 1e6:f0} |");
}
