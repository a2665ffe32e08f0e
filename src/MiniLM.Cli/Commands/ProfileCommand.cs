using System.CommandLine;
using System.Globalization;
using System.Text;
using MiniLM.Cli.Options;
using MiniLM.Cli.Output;
using MiniLM.Cli.Profile;
using MiniLM.Compute;
using MiniLM.Cpu;
using MiniLM.Cuda;
using MiniLM.Data;
using MiniLM.Model;

namespace MiniLM.Cli.Commands;

/// <summary>Where the time of a forward pass or a training step goes, kernel by kernel.</summary>
internal sealed class ProfileCommand : CliCommand
{
    private const double LongCount = 2e10; // FLOP: seconds

    private readonly Option<string?> _shapes = new("--shapes") { Description = "batch x tokens (4x32)", HelpName = "BxL,..." };
    private readonly Option<bool> _train = new("--train") { Description = "a training step with dropout instead: forward, backward, step" };
    private readonly Option<bool> _json = new("--json") { Description = "a JSON object a shape" };
    private readonly Option<string?> _html = new("--html") { Description = "a page with the roofline, in one file", HelpName = "FILE" };
    private readonly Option<string?> _trace = new("--trace") { Description = "a timeline for chrome://tracing or Perfetto", HelpName = "FILE" };
    private readonly Option<string[]> _compare = new("--compare")
    {
        Description = "two outputs of --json; nothing is run",
        HelpName = "BEFORE AFTER",
        Arity = new ArgumentArity(2, 2),
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "replace what --html and --trace name" };
    private readonly ModelOptions _model;

    internal ProfileCommand() : base("profile", "Shows where the time of a forward pass goes: time, FLOP, bytes and share of the roof of each kernel.\n"
        + "Times are measured on cpu and cuda; on emulated they are predicted from what the emulator counts.")
    {
        foreach (Option option in new Option[] { _shapes, _train, _json, _html, _trace, _compare, _overwrite }) { Options.Add(option); }
        _model = new ModelOptions(this, hasBatches: false);
    }

    internal override string[] Examples =>
    [
        "minilm profile --shapes 1x16,32x128",
        "minilm profile --train --shapes 32x128",
        "minilm profile --device emulated --precision float16 --html page.html",
        "minilm profile --compare before.json after.json",
    ];

    internal override int Run(ParseResult parse, Session session)
    {
        string? html = parse.GetValue(_html), trace = parse.GetValue(_trace);
        if (html is not null && trace is not null && FileStatus.IsSame(html, trace))
        {
            throw new UsageException($"--html and --trace both name {html}");
        }
        foreach (string? file in new[] { html, trace })
        {
            if (file is not null) { OutputTarget.Check(file, parse.GetValue(_overwrite)); }
        }
        if (parse.GetValue(_compare) is { Length: 2 } files) { return Compare(parse, files, session); }
        BenchShape[] shapes = BenchShape.Parse(parse.GetValue(_shapes) ?? "4x32");
        using ModelFolder model = ModelFolder.Open(_model.ResolveModel(parse));
        BenchShape.Check(shapes, model.Network.Config);
        using Device device = _model.OpenDevice(parse, session);
        List<RunProfile> profiles = [];
        List<string> texts = [];
        foreach (BenchShape shape in shapes)
        {
            double flops = shape.Flops(model.Network) * (parse.GetValue(_train) ? 3 : 1);
            if (device is CudaDevice && flops > LongCount)
            {
                session.Say(string.Create(CultureInfo.InvariantCulture, $"{shape}: counting {flops / 1e9:n0} GFLOP in the emulator"));
            }
            RunProfile profile = Run(device, model, shape, parse, session);
            profiles.Add(profile);
            texts.Add(JsonLine.Text(json => ProfileJson.Write(json, profile)));
            if (parse.GetValue(_json)) { session.OutputText.WriteLine(texts[^1]); }
            else
            {
                if (profiles.Count > 1) { session.OutputText.WriteLine(); }
                ProfileTable.Write(session.OutputText, profile);
            }
            session.OutputText.Flush();
        }
        if (html is not null) { WritePage(html, texts, parse.GetValue(_overwrite), session); }
        if (trace is not null)
        {
            PartialFile.WriteWhole(trace, stream => ChromeTrace.Write(stream, profiles), parse.GetValue(_overwrite), session.Cancellation);
            session.Say($"{trace}: written");
        }
        return 0;
    }

    private RunProfile Run(Device device, ModelFolder model, BenchShape shape, ParseResult parse, Session session)
    {
        ProfiledPass pass = new(model.Path, device.Name, device.Description, _model.PrecisionName(parse), shape, parse.GetValue(_train));
        return device switch
        {
            CpuDevice cpu => CpuProfiler.Run(cpu, model.Network, _model.Precision(parse), pass, session.Cancellation),
            CudaDevice gpu => GpuProfiler.Run(gpu, model.Network, _model.Precision(parse), pass, session.Cancellation),
            _ => throw new NotSupportedException($"--device {device.Name}: has no kernels to look at. Use cpu, cuda or emulated."),
        };
    }

    private int Compare(ParseResult parse, string[] files, Session session)
    {
        string[] others = [.. Options.Except([_compare, _json, _html, _overwrite]).Where(option => parse.GetResult(option) is { Implicit: false })
            .Select(option => option.Name)];
        if (others.Length > 0) { throw new UsageException($"--compare runs nothing: leave out {string.Join(", ", others)}"); }
        string? html = parse.GetValue(_html);
        if (html is not null && files.Any(file => FileStatus.IsSame(file, html)))
        {
            throw new UsageException($"--html {html}: is one of the profiles that are compared");
        }
        ProfileComparison[] comparisons = ProfileComparison.Of(files[0], files[1], session.Say, session.Cancellation);
        foreach (ProfileComparison comparison in comparisons)
        {
            if (parse.GetValue(_json)) { comparison.WriteJson(session.OutputText); } else { comparison.WriteTable(session.OutputText); }
        }
        if (html is not null)
        {
            string[] texts = [.. comparisons.SelectMany(comparison => new[] { comparison.Before.Text, comparison.After.Text })];
            WritePage(html, texts, parse.GetValue(_overwrite), session);
        }
        return 0;
    }

    private static void WritePage(string path, IReadOnlyList<string> profiles, bool overwrite, Session session)
    {
        PartialFile.WriteWhole(path, stream => stream.Write(Encoding.UTF8.GetBytes(ProfilePage.Make(profiles))), overwrite, session.Cancellation);
        session.Say($"{path}: written");
    }
}
