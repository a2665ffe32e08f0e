// Speed of the PTX emulator on the kernels of a forward pass, against what is required of it on two cores:
//   dotnet run -c Release --project benchmarks/Emulator
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using MiniLM.Batching;
using MiniLM.Benchmarks.Emulator;
using MiniLM.Compute;
using MiniLM.Cuda.Emulator;
using MiniLM.Model;

// M thread instructions a second: bounds, alignment and whole warps only; every check and the counters.
const int RequiredWithoutChecks = 300, RequiredWithAll = 100;
const int Threads = 2, Sequences = 4, Tokens = 64, Hidden = 384, Heads = 12;
const double Seconds = 4; // of each mode and precision
// A kernel with less than this share of the instructions is lost in the cost of a launch.
const double LeastShare = 0.01;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

using RandomNetwork random = new(Hidden, Heads, 4 * Hidden, layers: 1);
PackedBatch batch = RandomBatch();
Console.WriteLine($"{RuntimeInformation.FrameworkDescription}, {Threads} threads on {Environment.ProcessorCount} processors; "
    + $"one layer of hidden size {Hidden}, {Sequences} sequences of {Tokens} tokens");
Console.WriteLine("| kernel | M thread instructions | M/s, checks off | of 300 | M/s, all checks and counts | of 100 |");
Console.WriteLine("| --- | --- | --- | --- | --- | --- |");
TimeSpan used = TimeSpan.Zero, passed = TimeSpan.Zero;
foreach (Precision precision in (Precision[])[Precision.Float32, Precision.Float16])
{
    using EmulatedPass off = new(random.Network, precision, batch, new EmulatedGpuOptions { Threads = Threads });
    using EmulatedPass all = new(random.Network, precision, batch, new EmulatedGpuOptions { Threads = Threads, IsChecked = true, IsCounted = true });
    if (!MemoryMarshal.AsBytes(off.Embeddings.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(all.Embeddings.AsSpan())))
    {
        Console.Error.WriteLine($"{precision}: other embeddings with checks than without; nothing is timed");
        return 1;
    }
    TimeSpan usedBefore = Environment.CpuUsage.TotalTime;
    long start = Stopwatch.GetTimestamp();
    Dictionary<string, double> secondsOff = off.Time(Seconds), secondsAll = all.Time(Seconds);
    passed += Stopwatch.GetElapsedTime(start);
    used += Environment.CpuUsage.TotalTime - usedBefore;
    long instructions = all.InstructionsOfAPass.Values.Sum();
    foreach ((string kernel, long count) in all.InstructionsOfAPass.Where(kernel => kernel.Value > LeastShare * instructions)
        .OrderByDescending(kernel => kernel.Value))
    {
        Write(kernel, count, secondsOff[kernel], secondsAll[kernel]);
    }
    Write($"**all launches, {precision}**", instructions, secondsOff.Values.Sum(), secondsAll.Values.Sum());
}
// Passes of this size keep both busy but for the launches' ends: much less says that other programs ran, and that the figures are too low.
Console.WriteLine($"{used / passed:F2} of {Threads} processors were used");
return 0;

static void Write(string name, long instructions, double secondsOff, double secondsAll)
{
    double millions = instructions / 1e6, off = millions / secondsOff, all = millions / secondsAll;
    Console.WriteLine($"| {name} | {millions:F1} | {off:N0} | {off / RequiredWithoutChecks:F1} x | {all:N0} | {all / RequiredWithAll:F1} x |");
}

PackedBatch RandomBatch()
{
    Random ids = new(1);
    PackedBatch packed = new();
    for (int sequence = 0; sequence < Sequences; sequence++)
    {
        packed.Add([.. Enumerable.Range(0, Tokens).Select(_ => ids.Next(2, random.Network.Config.VocabSize))], new byte[Tokens],
            random.Network.Config.Architecture);
    }
    return packed;
}
