using System.CommandLine;
using System.Globalization;
using MiniLM.Compute;
using MiniLM.Compute.Reference;
using MiniLM.Cpu;
using MiniLM.Cpu.Threading;
using MiniLM.Cuda;

namespace MiniLM.Cli.Options;

/// <summary>--device: which device a run computes on.</summary>
internal static class DeviceOption
{
    /// <summary>What the emulator plays.</summary>
    internal static readonly string[] Emulated = ["emulated:sm_60", "emulated", "emulated:sm_90"];

    private static readonly string[] Names = ["cpu", "cuda", "emulated", "auto", "reference"];

    internal static Option<string?> Create() => new("--device")
    {
        Description = "where it runs (cpu); emulated interprets the GPU's code on the CPU",
        HelpName = "cpu|cuda[:N]|emulated[:sm_60|sm_80|sm_90]|auto",
        CustomParser = result =>
        {
            string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
            if (Names.Contains(text) || GpuIndex(text) is not null || Capability(text) is not null) { return text; }
            result.AddError($"--device {text}: it is one of {string.Join(", ", Names)}, cuda:N, "
                + "emulated:sm_60, emulated:sm_80, emulated:sm_90."
                + (text.StartsWith("gpu", StringComparison.Ordinal) ? " Did you mean cuda?" : NearNames.Suggest(text, Names)));
            return null;
        },
    };

    /// <exception cref="GpuException">A GPU that this machine has not.</exception>
    internal static Device Open(string name, int? threads, Session? session)
    {
        Action<string> say = session is null ? _ => { } : session.Say;
        if (threads is not null && name is not ("cpu" or "auto")) { say($"--threads {threads}: without effect on --device {name}"); }
        if (GpuIndex(name) is { } index) { return CudaDevice.Open(index, say); }
        if (Capability(name) is { } capability) { return CudaDevice.Emulate(capability, say); }
        if (name == "auto")
        {
            try { return CudaDevice.Open(0, say); }
            catch (GpuException error) { session?.Detail($"--device auto: {error.Message}"); }
        }
        if (name == "reference") { return new ReferenceDevice(); }
        // Threads that share a processor wait for one another at every barrier: 8 on two took 2.2 times the time of 2.
        if (threads > Processor.Count)
        {
            say($"--threads {threads}: this process may use {Processor.Count}, so {Processor.Count} compute");
            threads = Processor.Count;
        }
        return new CpuDevice(threads);
    }

    private static int? GpuIndex(string name) =>
        name == "cuda" ? 0
            : !name.StartsWith("cuda:", StringComparison.Ordinal) ? null
            : int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int index) ? index
            : null;

    private static int? Capability(string name) => name switch
    {
        "emulated" or "emulated:sm_80" => 80,
        "emulated:sm_60" => 60,
        "emulated:sm_90" => 90,
        _ => null,
    };
}
