using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace MiniLM.Cli;

/// <summary>How far the work is, on stderr: a live line on a terminal, else a line every 30 seconds.</summary>
internal sealed class Progress : IDisposable
{
    private const double SecondsBetweenLines = 30;

    private readonly Session _session;
    private readonly string _verb, _what;
    private readonly long _first;
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly TaskCompletionSource _end = new();
    private Task? _live;
    private double _said;
    private long _rows;

    /// <param name="session">Whose stderr.</param>
    /// <param name="verb">What is done.</param>
    /// <param name="first">Rows that were done before.</param>
    /// <param name="what">What is counted.</param>
    internal Progress(Session session, string verb, long first, string what = "rows") =>
        (_session, _verb, _what, _first, _rows) = (session, verb, what, first, first);

    internal void Report(long rows)
    {
        Volatile.Write(ref _rows, rows);
        double seconds = Stopwatch.GetElapsedTime(_started).TotalSeconds;
        if (_session.IsLive)
        {
            // Short work needs no bar.
            if (_live is null && seconds > 1) { _live = Show(); }
        }
        else if (seconds - _said >= SecondsBetweenLines)
        {
            _said = seconds;
            _session.Say(Line());
        }
    }

    private string Line()
    {
        long rows = Volatile.Read(ref _rows);
        double seconds = Stopwatch.GetElapsedTime(_started).TotalSeconds;
        return string.Create(CultureInfo.InvariantCulture, $"{_verb}: {rows:N0} {_what}, {(rows - _first) / seconds:N0} a second");
    }

    private Task Show()
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            // What IsLive found; Spectre would look again, and only at the console's own writer.
            Ansi = AnsiSupport.Yes,
            Interactive = InteractionSupport.Yes,
            Out = new AnsiConsoleOutput(Console.Error),
        });
        return Task.Run(() => console.Status().StartAsync(Line(), async context =>
        {
            while (await Task.WhenAny(_end.Task, Task.Delay(200)).ConfigureAwait(false) != _end.Task) { context.Status(Line()); }
        }));
    }

    public void Dispose()
    {
        _end.TrySetResult();
        _live?.Wait();
    }
}
