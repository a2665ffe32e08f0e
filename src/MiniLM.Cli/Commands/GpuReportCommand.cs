using System.CommandLine;
using MiniLM.Cli.GpuReports;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Compute;
using MiniLM.Cuda;
using MiniLM.Cuda.Report;
using MiniLM.Data;

namespace MiniLM.Cli.Commands;

/// <summary>What somebody with a GPU and this executable alone can find out and send back.</summary>
internal sealed class GpuReportCommand : CliCommand
{
    private readonly Option<string?> _device = DeviceOption.Create();
    private readonly Option<string> _output = new("--output")
    {
        Description = "a JSON object; beside it the same for people, as .md",
        HelpName = "FILE",
        Required = true,
    };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace both files" };

    internal GpuReportCommand() : base("gpu-report",
        "Compiles every kernel on this GPU, checks it against the emulator, times it; needs no model and no data.\n"
        + "Exit code 0: all green, 1: something is red. The report names no person, machine or folder: please send it back.")
    {
        _device.Description = "what is looked at (cuda); emulated runs the report itself, without a GPU";
        _device.HelpName = "cuda|cuda:N|emulated[:sm_60|sm_80|sm_90]";
        foreach (Option option in new Option[] { _output, _device, _overwrite }) { Options.Add(option); }
    }

    internal override string[] Examples => ["minilm gpu-report --output report.json", "minilm gpu-report --device emulated --output report.json"];

    internal override int Run(ParseResult parse, Session session)
    {
        string path = parse.GetValue(_output)!, page = Path.ChangeExtension(path, ".md"), name = parse.GetValue(_device) ?? "cuda";
        bool overwrite = parse.GetValue(_overwrite);
        if (page == path) { throw new UsageException($"--output {path}: is the name of the text beside it. Give one that ends in .json"); }
        foreach (string file in new[] { path, page }) { OutputTarget.Check(file, overwrite); }
        if (!name.StartsWith("cuda", StringComparison.Ordinal) && !name.StartsWith("emulated", StringComparison.Ordinal))
        {
            throw new UsageException($"--device {name}: the report is of a GPU. Give cuda, cuda:N or emulated");
        }
        using Device device = Open(name);
        GpuReport report = GpuReport.Run((CudaDevice)device, session.Say, session.Cancellation);
        PartialFile.WriteWhole(path, stream => GpuReportJson.Write(stream, report), overwrite, session.Cancellation);
        PartialFile.WriteWhole(page, stream => GpuReportMarkdown.Write(stream, report), overwrite, session.Cancellation);
        session.Say($"{path}, {page}: written; {(report.IsGreen ? "all green" : "something is red")}");
        return report.IsGreen ? 0 : 1;
    }

    private static Device Open(string name)
    {
        try { return DeviceOption.Open(name, threads: null, session: null); } // what runs on which tier is in the report
        catch (NoGpuException none) { throw new GpuException(none.Instead("emulated")); } // the CPU is no subject of a report
    }
}
