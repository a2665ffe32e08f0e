using System.CommandLine;
using MiniLM.Cli.Options;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Cpu.Threading;
using MiniLM.Cuda;

namespace MiniLM.Cli.Commands;

/// <summary>What this build can compute on, here.</summary>
internal sealed class DevicesCommand : CliCommand
{
    private static readonly (Precision Precision, string Name)[] Precisions =
    [
        (Precision.Float32, "float32"), (Precision.BFloat16x3, "bfloat16x3"), (Precision.BFloat16, "bfloat16"),
        (Precision.Float16, "float16"), (Precision.Int8, "int8"),
    ];

    private readonly Option<bool> _json = new("--json") { Description = "one JSON object" };

    internal DevicesCommand() : base("devices", "Shows the devices of this machine, what was chosen on each, and why.") => Options.Add(_json);

    internal override string[] Examples => ["minilm devices", "minilm devices --json"];

    internal override int Run(ParseResult parse, Session session)
    {
        List<(string Name, Device? Device, string Reason)> devices = [.. Devices()];
        try
        {
            if (parse.GetValue(_json)) { WriteJson(session.OutputText, devices); }
            else { WriteTable(session.OutputText, devices); }
        }
        finally
        {
            foreach ((_, Device? device, _) in devices) { device?.Dispose(); }
        }
        return 0;
    }

    /// <summary>What can be computed on here, and why not on the others.</summary>
    private static IEnumerable<(string Name, Device? Device, string Reason)> Devices()
    {
        (int gpus, string reason) = (0, "");
        try { gpus = CudaDevice.Count(); }
        catch (GpuException error) { reason = error.Message; }
        foreach (string name in new[] { "cpu", "reference" }.Concat(Enumerable.Range(0, gpus).Select(index => $"cuda:{index}")).Concat(DeviceOption.Emulated))
        {
            yield return Open(name);
        }
        if (gpus == 0) { yield return ("cuda", null, reason); }
    }

    private static (string Name, Device? Device, string Reason) Open(string name)
    {
        try { return (name, DeviceOption.Open(name, threads: null, session: null), ""); }
        catch (GpuException error) { return (name, null, error.Message); }
    }

    private static IEnumerable<string> Supported(Device device) => Precisions.Where(known => device.Supports(known.Precision)).Select(known => known.Name);

    private static void WriteJson(TextWriter output, List<(string Name, Device? Device, string Reason)> devices) => JsonLine.Write(output, json =>
    {
        json.WriteNumber("schema", 1);
        json.WriteStartArray("devices");
        foreach ((string name, Device? device, string reason) in devices)
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteBoolean("available", device is not null);
            if (device is null) { json.WriteString("reason", reason); }
            else
            {
                json.WriteString("description", device.Description);
                json.WriteStrings("precisions", Supported(device));
            }
            if (device is CpuDevice cpu)
            {
                json.WriteString("tier", CpuTiers.Name(cpu.Tier));
                json.WriteBoolean("tier_forced", IsForced);
                json.WriteStrings("tiers", CpuTiers.Supported.Select(CpuTiers.Name));
                json.WriteNumber("threads", cpu.Threads);
                json.WriteNumber("processors", Processor.Count);
                json.WriteBoolean("limited_by_cgroup", ThreadCount.Default() < Processor.Count);
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private static void WriteTable(TextWriter output, List<(string Name, Device? Device, string Reason)> devices)
    {
        string threads = ThreadCount.Default() < Processor.Count
            ? $"; {Processor.Count} processors, the control group's quota allows {ThreadCount.Default()}" : "";
        TextTable table = new("device", "precisions", "what");
        foreach ((string name, Device? device, string reason) in devices)
        {
            if (device is null) { table.Add(name, "-", reason); }
            else { table.Add(name, string.Join(", ", Supported(device)), device.Description + (device is CpuDevice ? threads : "")); }
        }
        table.Write(output);
    }

    private static bool IsForced => Environment.GetEnvironmentVariable(CpuTiers.Variable) is { Length: > 0 };
}
