using MiniLM.Cuda;
using MiniLM.Cuda.Ptx;
using MiniLM.Data;
using MiniLM.Retrieval;
using MiniLM.Text;
using MiniLM.Training;

namespace MiniLM.Cli;

/// <summary>What went wrong as one line on stderr (two for wrong usage) and an exit code.</summary>
internal static class Failures
{
    internal static int Report(Exception error, Session session)
    {
        switch (error)
        {
            case ClosedPipeException:
                return 0;
            case OperationCanceledException:
                return session.Signals?.ExitCode ?? 130;
            case UsageException usage:
                string command = usage.Command ?? session.CommandName;
                session.Error.WriteLine($"minilm: {Line(usage.Message)}");
                session.Error.WriteLine($"Help: minilm {command}{(command.Length > 0 ? " " : "")}--help");
                return 2;
        }
        session.Error.WriteLine($"minilm: {Line(Message(error, session.Command))}{(session.Kept is { } kept ? " " + kept : "")}");
        if (Environment.GetEnvironmentVariable("MINILM_DEBUG") == "1") { session.Error.WriteLine(error); }
        return 1;
    }

    private static string Message(Exception error, CliCommand? command) => error switch
    {
        ModelFormatException or TokenizerException or DataFormatException or IndexFormatException or NonFiniteResultException
            or NotSupportedException or GpuException or PtxException or NonFiniteLossException => error.Message,
        // The system's message names the file; what to do depends on it.
        IOException or UnauthorizedAccessException => error.Message,
        ArgumentException => error.Message,
        OutOfMemoryException => $"out of memory: give a smaller {string.Join(" or ", SizesOf(command).Append("input"))}",
        _ => $"internal error: {error.GetType().Name}: {error.Message} (MINILM_DEBUG=1 shows where)",
    };

    // What a run's memory depends on, of those options that the command has.
    private static IEnumerable<string> SizesOf(CliCommand? command) => new[] { "--batch-tokens", "--micro-batch-tokens", "--max-length", "--shapes" }
        .Where(name => command?.Options.Any(option => option.Name == name) == true);

    // What a file holds may be in a message: no escape of it reaches the terminal.
    private static string Line(string message) => string.Concat(message.ReplaceLineEndings(" ").Select(c => char.IsControl(c) ? $"\\x{(int)c:x2}" : $"{c}"));
}
