using System.Globalization;
using System.Runtime.InteropServices;
using MiniLM;
using MiniLM.Compute;
using MiniLM.Data;
using MiniLM.Training;
using MiniLM.Training.Records;

namespace Samples;

/// <summary>A training of a sample on standard error, and what is taken from the command line.</summary>
internal static class SampleRun
{
    /// <summary>The value of <c>--name VALUE</c>; null: it is not given.</summary>
    internal static string? Value(string[] arguments, string name) =>
        Array.IndexOf(arguments, name) is >= 0 and int at && at + 1 < arguments.Length ? arguments[at + 1] : null;

    /// <summary>Refuses what is none of a sample's options: a slip in a name must not train for an hour with what is usual.</summary>
    internal static void Check(string[] arguments, params string[] names)
    {
        for (int i = 0; i < arguments.Length; i += 2)
        {
            if (!names.Contains(arguments[i])) { throw new ArgumentException($"{arguments[i]}: it is one of {string.Join(", ", names)}"); }
            if (i + 1 == arguments.Length) { throw new ArgumentException($"{arguments[i]}: give its value behind it"); }
        }
    }

    /// <summary>A whole number from 1 up.</summary>
    internal static int NumberOf(string[] arguments, string name, int usual) => Value(arguments, name) is not { } text ? usual
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0 ? value
        : throw new ArgumentException($"{name} {text}: give a whole number from 1 up");

    /// <summary><c>--precision</c>: a name that is not known must not train for an hour in another one.</summary>
    internal static Precision PrecisionOf(string[] arguments, Precision usual) => Value(arguments, "--precision") switch
    {
        null => usual,
        "float32" => Precision.Float32,
        "bfloat16" => Precision.BFloat16,
        "float16" => Precision.Float16,
        string other => throw new ArgumentException($"--precision {other}: it is one of float32, bfloat16, float16"),
    };

    /// <summary>Shows where a training is, its warnings and its evaluations.</summary>
    internal static void Show(Trainer trainer, string name)
    {
        DateTime said = DateTime.MinValue;
        trainer.Warned += warning => Console.Error.WriteLine($"{name}: warning: {warning.Message}");
        trainer.StepDone += step =>
        {
            if (DateTime.UtcNow - said < TimeSpan.FromSeconds(15) && step.Step != step.TotalSteps) { return; }
            said = DateTime.UtcNow;
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name}: step {step.Step}/{step.TotalSteps}, loss {step.Loss:0.0000}, {step.TokensPerSecond:N0} tokens/s, {step.Left}"));
        };
        trainer.Logged += entry =>
        {
            KeyValuePair<string, double>[] measured = [.. entry.Values.Where(value => value.Key.StartsWith("eval_", StringComparison.Ordinal))];
            if (measured.Length > 0) { Console.Error.WriteLine($"{name}: step {entry.Step}: {Text(entry, measured)}"); }
        };

        static string Text(LogEntry entry, KeyValuePair<string, double>[] measured) =>
            string.Join(", ", measured.Select(value => string.Create(CultureInfo.InvariantCulture, $"{value.Key} {value.Value:0.0000}")));
    }

    /// <summary>A token that Ctrl-C and SIGTERM cancel: a training then writes a checkpoint, and the next run goes on from it.</summary>
    /// <remarks>From then on the program ends in one line, not in a stack trace, where it was interrupted or given something wrong.</remarks>
    internal static CancellationToken Interruptible()
    {
        AppDomain.CurrentDomain.UnhandledException += (_, failure) => EndInOneLine(failure.ExceptionObject);
        CancellationTokenSource source = new();
        // Held, so that they are not collected; a second signal ends the program at once.
        Signals = [Register(PosixSignal.SIGINT), Register(PosixSignal.SIGTERM)];
        return source.Token;

        PosixSignalRegistration Register(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = !source.IsCancellationRequested;
            source.Cancel();
        });
    }

    private static PosixSignalRegistration[] Signals { get; set; } = [];

    private static void EndInOneLine(object failure)
    {
        (string? said, int code) = failure switch
        {
            OperationCanceledException => ("stopped: the same command goes on from here", 130),
            ArgumentException or IOException or UnauthorizedAccessException or DataFormatException or ModelFormatException => (((Exception)failure).Message, 2),
            _ => (null, 0),
        };
        if (said is null) { return; }
        Console.Error.WriteLine(said);
        Environment.Exit(code);
    }
}
