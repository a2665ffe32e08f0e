using System.CommandLine;
using MiniLM.Cuda.Ptx;
using MiniLM.Data;

namespace MiniLM.Cli.Commands;

/// <summary>The static part of the PTX emulator as a tool: looks at anybody's kernel without running it.</summary>
internal sealed class PtxCommand : CliCommand
{
    private const int Findings = 3;

    private readonly Argument<string> _action = new("action")
    {
        Description = "check: instructions, registers, alignment, barriers in divergent code, copies that nobody waits for",
    };
    private readonly Argument<string> _file = new("file") { Description = "a PTX text", HelpName = "FILE.ptx" };
    private readonly Option<bool> _json = new("--json") { Description = "one JSON object" };

    internal PtxCommand() : base("ptx", "Checks a PTX text; exit code 0: clean, 3: findings, 1: not PTX.")
    {
        Arguments.Add(_action);
        Arguments.Add(_file);
        Options.Add(_json);
    }

    internal override string[] Examples => ["minilm ptx check kernel.ptx", "minilm ptx check kernel.ptx --json"];

    internal override int Run(ParseResult parse, Session session)
    {
        string action = parse.GetValue(_action)!, file = parse.GetValue(_file)!;
        if (action != "check") { throw new UsageException($"ptx {action}: it is check.{NearNames.Suggest(action, ["check"])}"); }
        DataFile.Require(file);
        string text = File.ReadAllText(file);
        PtxParser.Parse(file, text);
        IReadOnlyList<PtxFinding> findings = PtxCheck.Run(file, text);
        if (parse.GetValue(_json)) { WriteJson(session, file, findings); }
        else
        {
            foreach (PtxFinding finding in findings) { session.OutputText.WriteLine($"{file}:{finding.Line}: {finding.What}"); }
        }
        return findings.Count == 0 ? 0 : Findings;
    }

    private static void WriteJson(Session session, string file, IReadOnlyList<PtxFinding> findings) => JsonLine.Write(session.OutputText, json =>
    {
        json.WriteNumber("schema", 1);
        json.WriteString("file", file);
        json.WriteBoolean("clean", findings.Count == 0);
        json.WriteStartArray("findings");
        foreach (PtxFinding finding in findings)
        {
            json.WriteStartObject();
            json.WriteNumber("line", finding.Line);
            json.WriteString("what", finding.What);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });
}
