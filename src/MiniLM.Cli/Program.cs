using System.CommandLine;
using MiniLM.Cli.Commands;
using MiniLM.Data;

namespace MiniLM.Cli;

/// <summary>The command line: finds the command, runs it, turns what goes wrong into one line and an exit code.</summary>
internal static class Program
{
    /// <summary>
    /// All commands in the order of the help. A new one is a class of its own in Commands/ and a line here; only the one that is asked for
    /// is constructed, which a short run feels.
    /// </summary>
    private static readonly (string Name, Func<CliCommand> Create)[] Commands =
    [
        ("embed", () => new EmbedCommand()),
        ("similarity", () => new SimilarityCommand()),
        ("rerank", () => new RerankCommand()),
        ("fuse", () => new FuseCommand()),
        ("explain-run", () => new ExplainRunCommand()),
        ("tokenize", () => new TokenizeCommand()),
        ("index", () => new IndexCommand()),
        ("search", () => new SearchCommand()),
        ("mine", () => new MineCommand()),
        ("evaluate", () => new EvaluateCommand()),
        ("train", () => new TrainCommand()),
        ("calibrate", () => new CalibrateCommand()),
        ("data", () => new DataCommand()),
        ("submit", () => new SubmitCommand()),
        ("inspect", () => new InspectCommand()),
        ("create", () => new CreateCommand()),
        ("convert", () => new ConvertCommand()),
        ("devices", () => new DevicesCommand()),
        ("bench", () => new BenchCommand()),
        ("profile", () => new ProfileCommand()),
        ("gpu-report", () => new GpuReportCommand()),
        ("ptx", () => new PtxCommand()),
    ];

    private static int Main(string[] arguments)
    {
        using Signals signals = new();
        using StandardOutput output = new(1, signals.Token);
        using StreamWriter error = new(new StandardError()) { AutoFlush = true };
        return Run(arguments, new Session(OpenInput, output, error, signals.Token) { Signals = signals });
    }

    private static Stream OpenInput() => !Descriptor.IsClosed(0) ? Console.OpenStandardInput()
        : throw new DataFormatException("standard input is closed. Give a file, or redirect one to it.");

    /// <summary>One run of the program, in process.</summary>
    /// <returns>The exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 143 terminated.</returns>
    internal static int Run(string[] arguments, Session session)
    {
        if (arguments is ["help", .. var of]) { arguments = [.. of, "--help"]; }
        try
        {
            Command root = Root(arguments, session);
            ParseResult parse = root.Parse(arguments, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
            session.Quiet = parse.GetValue<bool>("--quiet");
            session.Verbose = parse.GetValue<bool>("--verbose");
            session.NoColor = parse.GetValue<bool>("--no-color");
            if (parse.GetValue<bool>("--help"))
            {
                if (UsageErrors.FindCommand(parse) is { } unknown) { throw unknown; }
                HelpText.Write(parse.CommandResult.Command, session.OutputText);
            }
            else if (parse.GetValue<bool>("--version")) { session.OutputText.WriteLine(VersionText.Line); }
            else if (UsageErrors.Find(parse) is { } wrong) { throw wrong; }
            else if (parse.CommandResult.Command is CliCommand command)
            {
                (session.Command, session.CommandName) = (command, command.FullName);
                return Finish(command.Run(parse, session), session);
            }
            else { throw new UsageException($"no command given: it is one of {string.Join(", ", Commands.Select(known => known.Name))}", ""); }
            return Finish(0, session);
        }
        catch (Exception error)
        {
            return Failures.Report(error, session);
        }
    }

    private static int Finish(int code, Session session)
    {
        session.OutputText.Flush();
        session.Output.Flush();
        session.SayNotes();
        return code;
    }

    private static Command Root(string[] arguments, Session session)
    {
        Command root = new("minilm", "Embeddings, search and reranking with MiniLM and its relatives, on this machine.")
        {
            new Option<bool>("--quiet", "-q") { Description = "nothing on stderr but errors", Recursive = true },
            new Option<bool>("--verbose") { Description = "say more on stderr", Recursive = true },
            new Option<bool>("--no-color") { Description = "no colours and bars (also NO_COLOR, TERM=dumb)", Recursive = true },
            new Option<bool>("--help", "-h", "-?") { Description = "this text", Recursive = true },
            new Option<bool>("--version") { Description = "version and CPU tier" },
        };
        string? asked = arguments.FirstOrDefault(argument => !argument.StartsWith('-'));
        bool known = Commands.Any(command => command.Name == asked);
        foreach ((string name, Func<CliCommand> create) in Commands)
        {
            if (!known || name == asked) { root.Subcommands.Add(create()); }
        }
        session.CommandName = known ? asked! : "";
        return root;
    }
}
