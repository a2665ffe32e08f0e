using System.CommandLine;
using System.Text.Json;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Cpu;
using MiniLM.Cpu.Threading;

namespace MiniLM.Cli.Commands;

/// <summary>What this build can compute on, here.</summary>
internal sealed class DevicesCommand : CliCommand
{
    private static readonly string[] Later = ["cuda", "rocm", "metal", "vulkan"];

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
        foreach (string name in Later)
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteBoolean("available", false);
            json.WriteString("reason", "not in this build");
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
        foreach (string name in Later) { table.Add(name, "-", "not in this build"); }
        table.Write(output);
    }

    private static bool IsForced => Environment.GetEnvironmentVariable(CpuTiers.Variable) is { Length: > 0 };
}
