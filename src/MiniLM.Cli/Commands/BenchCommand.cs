using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using MiniLM.Batching;
using MiniLM.Cli.Options;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Model;
using MiniLM.Training;

namespace MiniLM.Cli.Commands;

/// <summary>The speed of a model, or of its tokenizer, on this machine.</summary>
internal sealed class BenchCommand : CliCommand
{
    private const int MostSamples = 1 << 16, FewestSamples = 5;
    private const double Seconds = 2;

    private readonly Option<string?> _shapes = new("--shapes") { Description = "batch x tokens (1x16,1x128,32x128)", HelpName = "BxL,..." };
    private readonly Option<bool> _train = new("--train") { Description = "training steps instead: forward with dropout, backward, clipping, AdamW" };
    private readonly Option<bool> _tokenizer = new("--tokenizer") { Description = "the tokenizer alone, on the texts of --input" };
    private readonly Option<string?> _input = new("--input") { Description = "texts for --tokenizer", HelpName = "FILE" };
    private readonly Option<string?> _column = new("--column") { Description = "column that holds the text", HelpName = "NAME" };
    private readonly Option<bool> _json = new("--json") { Description = "a JSON object a line" };
    private readonly ModelOptions _model;

    internal BenchCommand() : base("bench", "Measures a model, sequences of full length, or its tokenizer; the roof of this machine beside it.\n"
        + "items_per_s, tokens_per_s and gflops are those of the median batch (p50_ms), not of the whole time.")
    {
        foreach (Option option in new Option[] { _shapes, _train, _tokenizer, _input, _column, _json }) { Options.Add(option); }
        _model = new ModelOptions(this, hasBatches: false);
    }

    internal override string[] Examples =>
        ["minilm bench --shapes 1x16,32x128", "minilm bench --tokenizer --input texts.jsonl --column text --json"];

    internal override int Run(ParseResult parse, Session session)
    {
        if (parse.GetValue(_tokenizer))
        {
            if (parse.GetValue(_shapes) is not null) { throw new UsageException("--tokenizer measures texts: leave out --shapes"); }
            if (parse.GetValue(_train)) { throw new UsageException("--tokenizer and --train: give one of them"); }
            string input = parse.GetValue(_input) ?? throw new UsageException("--tokenizer needs texts: give --input FILE");
            TokenizerBench.Run(_model.ResolveModel(parse), input, parse.GetValue(_column), _model.Threads(parse) ?? 1, parse.GetValue(_json), session);
            return 0;
        }
        if (parse.GetValue(_input) is not null) { throw new UsageException("--input is for --tokenizer: a model is measured by --shapes"); }
        BenchShape[] shapes = BenchShape.Parse(parse.GetValue(_shapes) ?? "1x16,1x128,32x128");
        string folder = _model.ResolveModel(parse);
        using ModelFolder model = ModelFolder.Open(folder);
        BenchShape.Check(shapes, model.Network.Config);
        using Device device = _model.OpenDevice(parse, session);
        using Subject subject = parse.GetValue(_train)
            ? new TrainingSubject(device.LoadForTraining(model.Network, _model.Precision(parse), new TrainingOptions(), session.Cancellation))
            : new ForwardSubject(device.Load(model.Network, _model.Precision(parse), session.Cancellation));
        if (parse.GetValue(_train)) { model.Dispose(); } // what is trained is a copy: the file's pages are not its memory
        TextTable table = new("shape", ">items/s", ">tokens/s", ">GFLOP/s", ">of roof", ">p50 ms", ">p99 ms", ">allocated B", ">peak MB");
        foreach (BenchShape shape in shapes)
        {
            BenchResult result = Measure(shape, model.Network, subject, device, _model.Precision(parse), session);
            if (parse.GetValue(_json)) { WriteJson(session.OutputText, result, _model.PrecisionName(parse), parse.GetValue(_train)); }
            else { Add(table, result); }
            session.OutputText.Flush();
            if (Roof.Doubt(result.RoofPercent ?? 0) is { } doubt) { session.Say($"{shape}: {doubt}"); }
        }
        if (!parse.GetValue(_json))
        {
            session.OutputText.WriteLine($"{model.Path}, {_model.PrecisionName(parse)}: {device.Description}");
            table.Write(session.OutputText);
        }
        return 0;
    }

    /// <param name="Shape">What was run.</param>
    /// <param name="Threads">That computed.</param>
    /// <param name="GigaFlops">Of the matrix products, at the median.</param>
    /// <param name="Roof">GFLOP/s that the same threads reach with nothing but multiply-adds, measured beside; null: not known for the device.</param>
    /// <param name="MedianMs">Of one batch.</param>
    /// <param name="SlowMs">99 of 100 batches take less.</param>
    /// <param name="Allocated">Managed bytes of all threads while timed.</param>
    private sealed record BenchResult(BenchShape Shape, int Threads, double GigaFlops, double? Roof, double MedianMs, double SlowMs, long Allocated)
    {
        internal double ItemsPerSecond => Shape.Batch / MedianMs * 1e3;

        internal double TokensPerSecond => ItemsPerSecond * Shape.Length;

        internal double? RoofPercent => 100 * GigaFlops / Roof;
    }

    /// <summary>What is measured.</summary>
    private abstract class Subject : IDisposable
    {
        /// <summary>Its floating-point operations, in forward passes.</summary>
        internal virtual int Passes => 1;

        internal abstract void Run(PackedBatch batch, float[] output, CancellationToken cancellation);

        public abstract void Dispose();
    }

    private sealed class ForwardSubject(DeviceNetwork network) : Subject
    {
        internal override void Run(PackedBatch batch, float[] output, CancellationToken cancellation) => network.Forward(batch, output, cancellation);

        public override void Dispose() => network.Dispose();
    }

    private sealed class TrainingSubject(TrainingNetwork network) : Subject
    {
        private readonly MeasuredStep _step = new(network);

        internal override int Passes => 3;

        internal override void Run(PackedBatch batch, float[] output, CancellationToken cancellation)
        {
            _step.Forward(batch, output, cancellation);
            _step.Backward(cancellation);
            _step.Update();
        }

        public override void Dispose() => network.Dispose();
    }

    private static BenchResult Measure(
        BenchShape shape, Network model, Subject subject, Device device, Precision precision, Session session)
    {
        PackedBatch batch = shape.Fill(model.Config);
        float[] output = new float[shape.Batch * model.OutputSize];
        double[] samples = new double[MostSamples];
        double? roof = device is CpuDevice cpu ? Roof.GflopsPerSecond(cpu, precision) : null;
        (int count, long allocated) = (0, 0);
        foreach (double seconds in new[] { Seconds / 8, Seconds }) // the first round warms up: caches, the runtime, the code of this loop
        {
            GC.Collect();
            GC.WaitForPendingFinalizers(); // what they allocate is not the work that is measured
            (count, allocated) = Sample(batch, output, subject, samples, seconds, session.Cancellation);
        }
        if (device is CpuDevice again) { roof = Math.Max(roof!.Value, Roof.GflopsPerSecond(again, precision)); }
        Array.Sort(samples, 0, count);
        double median = samples[count / 2], slow = samples[Math.Min(count - 1, (int)(count * 0.99))];
        int threads = device is CpuDevice { Threads: var used } ? used : 1;
        return new BenchResult(shape, threads, subject.Passes * shape.Flops(model) / median / 1e6, roof, median, slow, allocated);
    }

    private static (int Count, long Allocated) Sample(
        PackedBatch batch, float[] output, Subject subject, double[] samples, double seconds, CancellationToken cancellation)
    {
        int count = 0;
        long before = GC.GetTotalAllocatedBytes(precise: true), start = Stopwatch.GetTimestamp();
        while (count < samples.Length && (count < FewestSamples || Stopwatch.GetElapsedTime(start).TotalSeconds < seconds))
        {
            long one = Stopwatch.GetTimestamp();
            subject.Run(batch, output, cancellation);
            samples[count++] = Stopwatch.GetElapsedTime(one).TotalMilliseconds;
        }
        return (count, GC.GetTotalAllocatedBytes(precise: true) - before);
    }

    private static void WriteJson(TextWriter output, BenchResult result, string precision, bool isTraining) => JsonLine.Write(output, json =>
    {
        json.WriteNumber("batch", result.Shape.Batch);
        json.WriteNumber("seq", result.Shape.Length);
        json.WriteString("precision", precision);
        json.WriteNumber("threads", result.Threads);
        json.WriteNumber("items_per_s", result.ItemsPerSecond);
        json.WriteNumber("tokens_per_s", result.TokensPerSecond);
        json.WriteNumber("gflops", result.GigaFlops);
        if (result.Roof is { } roof) { json.WriteNumber("roof_gflops", roof); } else { json.WriteNull("roof_gflops"); }
        if (result.RoofPercent is { } percent) { json.WriteNumber("roof_percent", percent); } else { json.WriteNull("roof_percent"); }
        json.WriteNumber("p50_ms", result.MedianMs);
        json.WriteNumber("p99_ms", result.SlowMs);
        if (isTraining) { json.WriteNumber("step_s", result.MedianMs / 1e3); }
        json.WriteNumber("allocated_bytes", result.Allocated);
        json.WriteNumber("peak_bytes", PeakMemory.Bytes);
    });

    private static void Add(TextTable table, BenchResult result)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        table.Add(result.Shape.ToString(), result.ItemsPerSecond.ToString("f1", culture), result.TokensPerSecond.ToString("f0", culture),
            result.GigaFlops.ToString("f1", culture), result.RoofPercent is { } percent ? percent.ToString("f0", culture) + " %" : "-",
            result.MedianMs.ToString("f2", culture), result.SlowMs.ToString("f2", culture), result.Allocated.ToString(culture),
            (PeakMemory.Bytes / 1e6).ToString("f0", culture));
    }
}
