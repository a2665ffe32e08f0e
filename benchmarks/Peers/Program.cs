using MiniLM;
using MiniLM.Cpu;
using MiniLM.Data;
using MiniLM.Model;
using MiniLM.Text;
using Peers;

// Our engine and ONNX Runtime on the same ids in one process, block by block in turns; what others measured beside it.
Settings settings;
try { settings = Settings.Parse(args); }
catch (ArgumentException error)
{
    Console.Error.WriteLine($"Peers: {error.Message}\n{Settings.Usage}");
    return 2;
}
try { return Compare(settings); }
catch (Exception error) when (error is ModelFormatException or DataFormatException or ArgumentException or IOException)
{
    Console.Error.WriteLine($"Peers: {error.Message}");
    return 1;
}

static int Compare(Settings settings)
{
    using ModelFolder model = ModelFolder.Open(ModelFolder.Resolve(settings.Model));
    int most = model.Network.Config.MaxTokens;
    foreach ((int batch, int length) in settings.Shapes.Where(shape => shape.Length > most))
    {
        throw new ArgumentException($"--shapes {batch}x{length}: this model takes at most {most} tokens");
    }
    WordPieceTokenizer tokenizer = WordPieceTokenizer.Load(model.TransformerPath);
    using CpuDevice device = new(settings.Threads);
    using OurEngine ours = new(model, device, settings.Precision);
    using OrtEngine ort = new(model, settings.Threads);
    List<Workload> workloads = [.. settings.Shapes.Select(shape => Workload.OfShape(shape.Batch, shape.Length, model.Network.Config.VocabSize))];
    foreach ((string name, string file, string column) in settings.Texts)
    {
        if (File.Exists(file)) { workloads.Add(Workload.OfTexts(name, file, column, tokenizer, model.MaxSequenceLength, settings.MostTexts)); }
        else { Console.Error.WriteLine($"Peers: {file}: no such file, so no line for {name}"); }
    }
    Report report = new(settings, device);
    foreach (Workload workload in workloads)
    {
        double difference = Agreement.LargestDifference(ours.Results(workload), ort.Results(workload));
        double tolerance = Agreement.Tolerance(settings.Precision);
        if (!(difference <= tolerance))
        {
            Console.Error.WriteLine($"Peers: {workload.Name}: results differ by {difference:g3}, more than {tolerance}: nothing to compare");
            return 1;
        }
        double roof = Roof.GflopsPerSecond(device, settings.Precision);
        (double[] our, double[] their) = Interleaved.Measure(() => ours.Run(workload), () => ort.Run(workload), settings.Seconds);
        roof = Math.Max(roof, Roof.GflopsPerSecond(device, settings.Precision));
        report.Add(workload, workload.Flops(model.Network), roof, our, their, difference);
    }
    report.Finish();
    return 0;
}
