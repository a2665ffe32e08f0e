using System.Text;
using MiniLM.Data;

namespace MiniLM.Cli;

/// <summary>Where one run reads and writes: data to <see cref="Output"/>, everything else to <see cref="Error"/>.</summary>
/// <param name="openInput">Opens standard input; called only by a command that reads it.</param>
/// <param name="output">Standard output.</param>
/// <param name="error">Standard error.</param>
/// <param name="cancellation">Set by SIGINT and SIGTERM.</param>
internal sealed class Session(Func<Stream> openInput, Stream output, TextWriter error, CancellationToken cancellation)
{
    private readonly List<string> _notes = [];
    private TextWriter? _outputText;

    internal Stream Output => output;

    internal TextWriter Error => error;

    internal CancellationToken Cancellation => cancellation;

    /// <summary>Null in process (tests).</summary>
    internal Signals? Signals { get; init; }

    /// <summary>The command that was asked for, for hints; empty when there is none.</summary>
    internal string CommandName { get; set; } = "";

    /// <summary>The command that runs; null: none does yet.</summary>
    internal CliCommand? Command { get; set; }

    /// <summary>What an error leaves, to be gone on with; null: nothing.</summary>
    internal string? Kept { get; set; }

    internal bool Quiet { get; set; }

    internal bool Verbose { get; set; }

    internal bool NoColor { get; set; }

    /// <summary>Colours and live bars on stderr.</summary>
    internal bool IsLive => !NoColor && !Quiet && Signals is not null && !Console.IsErrorRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && Environment.GetEnvironmentVariable("TERM") != "dumb";

    /// <summary>Standard output for lines of text: UTF-8, LF, flushed at the end of the run.</summary>
    internal TextWriter OutputText => _outputText ??= new StreamWriter(output, new UTF8Encoding(false), 1 << 14, leaveOpen: true) { NewLine = "\n" };

    /// <summary>Opens standard input.</summary>
    internal Stream OpenInput() => new InterruptibleInput(openInput(), cancellation);

    /// <summary>A line on stderr, unless --quiet.</summary>
    internal void Say(string line)
    {
        if (!Quiet) { error.WriteLine($"minilm: {line}"); }
    }

    /// <summary>A line for the end of a run that succeeds, once: what fails says one line, and what went wrong.</summary>
    internal void Note(string line)
    {
        if (!_notes.Contains(line)) { _notes.Add(line); }
    }

    /// <summary>Says the notes.</summary>
    internal void SayNotes() => _notes.ForEach(Say);

    /// <summary>A warning on stderr, even with --quiet, with the name that turns it off.</summary>
    internal void Warn(string line, string name) => error.WriteLine($"minilm: warning: {line} (--ignore-warnings {name})");

    /// <summary>How many inputs lost tokens, if any did.</summary>
    internal void SayTruncated(long truncated, long inputs)
    {
        if (truncated > 0) { Say($"truncated: {truncated} of {inputs}"); }
    }

    /// <summary>A line on stderr with --verbose.</summary>
    internal void Detail(string line)
    {
        if (Verbose) { Say(line); }
    }
}
