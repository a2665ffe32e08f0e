using System.CommandLine;
using System.Text.Json;
using MiniLM.Cli.Options;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
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
        using CpuDevice cpu = new();
        using ReferenceDevice reference = new();
        if (parse.GetValue(_json)) { WriteJson(session.OutputText, cpu, reference); }
        else { WriteTable(session.OutputText, cpu, reference); }
        return 0;
    }

    private static IEnumerable<string> Supported(Device device) => Precisions.Where(known => device.Supports(known.Precision)).Select(known => known.Name);

    private static void WriteJson(TextWriter output, CpuDevice cpu, ReferenceDevice reference) => JsonLine.Write(output, json =>
    {
        json.WriteNumber("schema", 1);
        json.WriteStartArray("devices");
        json.WriteStartObject();
        WriteCommon(json, cpu);
        json.WriteString("tier", CpuTiers.Name(cpu.Tier));
        json.WriteBoolean("tier_forced", IsForced);
        json.WriteStrings("tiers", CpuTiers.Supported.Select(CpuTiers.Name));
        json.WriteNumber("threads", cpu.Threads);
        json.WriteNumber("processors", Processor.Count);
        json.WriteBoolean("limited_by_cgroup", ThreadCount.Default() < Processor.Count);
        json.WriteEndObject();
        json.WriteStartObject();
        WriteCommon(json, reference);
        json.WriteEndObject();
        foreach (CudaDevice device in Gpus())
        {
            json.WriteStartObject();
            WriteCommon(json, device);
            json.WriteEndObject();
            device.Dispose();
        }
        foreach ((string name, string reason) in Missing())
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteBoolean("available", false);
            json.WriteString("reason", reason);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private static void WriteCommon(Utf8JsonWriter json, Device device)
    {
        json.WriteString("name", device.Name);
        json.WriteBoolean("available", true);
        json.WriteString("description", device.Description);
        json.WriteStrings("precisions", Supported(device));
    }

    private static void WriteTable(TextWriter output, CpuDevice cpu, ReferenceDevice reference)
    {
        string threads = ThreadCount.Default() < Processor.Count
            ? $"; {Processor.Count} processors, the control group's quota allows {ThreadCount.Default()}" : "";
        TextTable table = new("device", "precisions", "what");
        table.Add(cpu.Name, string.Join(", ", Supported(cpu)), cpu.Description + threads);
        table.Add(reference.Name, string.Join(", ", Supported(reference)), reference.Description);
        foreach (CudaDevice device in Gpus())
        {
            table.Add(device.Name, string.Join(", ", Supported(device)), device.Description);
            device.Dispose();
        }
        foreach ((string name, string reason) in Missing()) { table.Add(name, "-", reason); }
        table.Write(output);
    }

    /// <summary>The GPUs of this machine, then what the emulator plays.</summary>
    private static IEnumerable<CudaDevice> Gpus()
    {
        for (int index = 0; index < GpuCount(out _); index++) { yield return CudaDevice.Open(index); }
        foreach (int capability in new[] { 60, 80, 90 }) { yield return CudaDevice.Emulate(capability); }
    }

    private static IEnumerable<(string Name, string Reason)> Missing()
    {
        if (GpuCount(out string reason) == 0) { yield return ("cuda", reason); }
        foreach (string name in DeviceOption.Later) { yield return (name, "not in this build"); }
    }

    private static int GpuCount(out string reason)
    {
        reason = "";
        try { return CudaDevice.Names().Count; }
        catch (GpuException error)
        {
            reason = error.Message;
            return 0;
        }
    }

    private static bool IsForced => Environment.GetEnvironmentVariable(CpuTiers.Variable) is { Length: > 0 };
}
