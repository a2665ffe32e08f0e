using System.CommandLine;
using MiniLM.Data;

namespace MiniLM.Cli.Options;

/// <summary>Scores and the labels of the same rows.</summary>
internal sealed class ScoreOptions
{
    private readonly Option<string> _scores = new("--scores")
    {
        Description = "{\"index\":i,\"score\":x} lines, as similarity and rerank --pairs write them; - is standard input",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string> _labels;

    /// <param name="command">Takes the options.</param>
    /// <param name="labels">What a label is.</param>
    internal ScoreOptions(Command command, string labels)
    {
        _labels = new("--labels") { Description = $"table with the columns index and label, {labels}", HelpName = "FILE", Required = true };
        command.Options.Add(_scores);
        command.Options.Add(_labels);
    }

    /// <summary>Both, by index.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="session">Of the run.</param>
    /// <param name="isBinary">Labels are 0 or 1.</param>
    internal (double[] Scores, double[] Labels) Read(ParseResult parse, Session session, bool isBinary)
    {
        string scoresFile = parse.GetValue(_scores)!, labelsFile = parse.GetValue(_labels)!;
        InputFiles.CheckStandardInput(scoresFile, labelsFile);
        double[] scores = IndexedNumbers.Read(scoresFile, "score", openStandardInput: session.OpenInput, cancellation: session.Cancellation);
        double[] labels = IndexedNumbers.Read(labelsFile, "label", isBinary, session.OpenInput, session.Cancellation);
        return scores.Length == labels.Length ? (scores, labels) : throw new DataFormatException(
            $"{DataFile.Name(labelsFile)}: has {labels.Length} rows, {DataFile.Name(scoresFile)} has {scores.Length}. Give one label a score.");
    }
}
