using System.CommandLine;

namespace MiniLM.Cli.Commands;

/// <summary>Rankings against relevance judgements, by trec_eval's rules.</summary>
internal sealed class EvaluateRunCommand : CliCommand
{
    private readonly Option<string> _qrels = new("--qrels") { Description = "judgements: TREC's, or BEIR's table", HelpName = "FILE", Required = true };

    internal EvaluateRunCommand() : base("run", "Measures runs against relevance judgements, as trec_eval does.")
    {
        Options.Add(_qrels);
    }

    internal override string[] Examples => ["minilm evaluate run --qrels qrels.txt --run a.run --measures nDCG@10,AP"];

    internal override int Run(ParseResult parse, Session session) => 0;
}
