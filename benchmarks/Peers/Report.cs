using System.Globalization;
using System.Text;
using System.Text.Json;
using MiniLM.Compute;
using MiniLM.Cpu;

namespace Peers;

/// <summary>Medians, ratios and shares of the roof, as a table or as lines of a peers file.</summary>
internal sealed class Report
{
    private readonly Settings _settings;
    private readonly List<Peer> _peers = [];

    /// <summary>A line of a peers file.</summary>
    private sealed record Peer(string Engine, string Dtype, int Batch, int Length, int Threads, double ItemsPerSecond);

    internal Report(Settings settings, CpuDevice device)
    {
        _settings = settings;
        if (settings.PeersFile is { } file) { _peers.AddRange(File.ReadLines(file).Where(line => line.Trim().Length > 0).Select(Read)); }
        if (settings.Json) { return; }
        Console.WriteLine($"{device.Description}; {settings.Precision}; ONNX Runtime {OrtEngine.Version} float32, {settings.Threads} threads; {Runtime}");
        Console.WriteLine($"{"work",-10} {"minilm/s",10} {"ort/s",10} {"ratio",6} {"of roof",8} {"ort",5} {"roof",7} {"p50 ms",9} {"ort ms",9} {"differ",8}");
    }

    private static string Runtime => System.Runtime.CompilerServices.RuntimeFeature.IsDynamicCodeSupported ? "JIT: not the figures that count" : "NativeAOT";

    internal void Add(Workload workload, double flops, double roof, double[] ours, double[] theirs, double difference)
    {
        (double our, double their) = (Median(ours), Median(theirs));
        int count = workload.Sequences.Length;
        if (_settings.Json)
        {
            Write("minilm", workload, ours, flops, roof);
            Write("onnxruntime", workload, theirs, flops, roof);
            return;
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{workload.Name,-10} {count / our,10:f1} {count / their,10:f1} {their / our,6:f2} {100 * flops / our / 1e9 / roof,6:f0} % "
                + $"{100 * flops / their / 1e9 / roof,3:f0} % {roof,7:f1} {1e3 * our,9:f2} {1e3 * their,9:f2} {difference,8:e1}"));
        foreach (Peer peer in _peers.Where(peer => peer.Batch == count && peer.Length == workload.Length && peer.Threads == _settings.Threads))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{"",-10} {"",10} {peer.ItemsPerSecond,10:f1} {count / our / peer.ItemsPerSecond,6:f2} {peer.Engine} {peer.Dtype}"));
        }
    }

    internal void Finish()
    {
        if (!_settings.Json && _peers.Count > 0)
        {
            Console.WriteLine("Lines of the peers file were measured elsewhere: their ratios hold only if it was this machine.");
        }
    }

    private static double Median(double[] sorted) => sorted[sorted.Length / 2];

    private void Write(string engine, Workload workload, double[] samples, double flops, double roof)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes))
        {
            json.WriteStartObject();
            json.WriteString("engine", engine);
            json.WriteString("dtype", engine == "minilm" && _settings.Precision == Precision.BFloat16 ? "bfloat16" : "float32");
            json.WriteString("task", "embed");
            json.WriteString("work", workload.Name);
            json.WriteNumber("batch", workload.Sequences.Length);
            if (workload.Length is { } length) { json.WriteNumber("seq", length); } else { json.WriteNull("seq"); }
            json.WriteNumber("tokens", workload.Tokens);
            json.WriteNumber("threads", _settings.Threads);
            json.WriteNumber("best_s", samples[0]);
            json.WriteNumber("median_s", Median(samples));
            json.WriteNumber("items_per_s", workload.Sequences.Length / Median(samples));
            json.WriteNumber("gflops", flops / Median(samples) / 1e9);
            json.WriteNumber("roof_gflops", roof);
            json.WriteString("runtime", Runtime.Split(':')[0]);
            json.WriteEndObject();
        }
        Console.WriteLine(Encoding.UTF8.GetString(bytes.ToArray()));
    }

    private static Peer Read(string line)
    {
        using JsonDocument json = JsonDocument.Parse(line);
        JsonElement root = json.RootElement;
        // Lines of mixed texts have no length and match no shape.
        int length = root.GetProperty("seq") is { ValueKind: JsonValueKind.Number } seq ? seq.GetInt32() : -1;
        return new Peer(root.GetProperty("engine").GetString()!, root.GetProperty("dtype").GetString()!, root.GetProperty("batch").GetInt32(), length,
            root.GetProperty("threads").GetInt32(), root.GetProperty("items_per_s").GetDouble());
    }
}
