using System.Diagnostics;
using Spectre.Console;

namespace MiniLM.Cli;

/// <summary>How far the work is, on stderr: a live bar on a terminal, else a line every 30 seconds.</summary>
internal sealed class Progress : IDisposable
{
    private const double SecondsBetweenLines = 30;

    private readonly Session _session;
    private readonly string _verb, _what;
    private readonly Func<double?>? _share;
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly TaskCompletionSource _end = new();
    private readonly ProgressFigures _first;
    private ProgressFigures _now;
    private Task? _live;
    private double _said;

    /// <param name="session">Whose stderr.</param>
    /// <param name="verb">What is done.</param>
    /// <param name="first">Rows that were done before.</param>
    /// <param name="what">What is counted.</param>
    /// <param name="share">Which part of all is done, 0 to 1, where that is known; asked by the thread that reports.</param>
    internal Progress(Session session, string verb, long first, string what = "rows", Func<double?>? share = null)
    {
        (_session, _verb, _what, _share) = (session, verb, what, share);
        _first = _now = new ProgressFigures(first, 0, share?.Invoke());
    }

    internal void Report(long rows) => Report(rows, 0);

    /// <param name="rows">Done by now, those before included.</param>
    /// <param name="tokens">Computed by now in this run.</param>
    internal void Report(long rows, long tokens)
    {
        Volatile.Write(ref _now, new ProgressFigures(rows, tokens, _share?.Invoke()));
        double seconds = Stopwatch.GetElapsedTime(_started).TotalSeconds;
        if (_session.IsLive)
        {
            // Short work needs no bar.
            if (_live is null && seconds > 1) { _live = Show(); }
        }
        else if (seconds - _said >= SecondsBetweenLines)
        {
            _said = seconds;
            _session.Say(Line(_now));
        }
    }

    private string Line(ProgressFigures now) => now.Line(_verb, _what, _first, Stopwatch.GetElapsedTime(_started).TotalSeconds);

    private Task Show()
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            // What IsLive found; Spectre would look again, and only at the console's own writer.
            Ansi = AnsiSupport.Yes,
            Interactive = InteractionSupport.Yes,
            Out = new AnsiConsoleOutput(Console.Error),
        });
        return Task.Run(() => console.Progress().AutoClear(true).Columns(new ProgressBarColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .StartAsync(async context =>
            {
                ProgressTask task = context.AddTask(_verb, maxValue: 1);
                do
                {
                    ProgressFigures now = Volatile.Read(ref _now);
                    (task.Description, task.Value, task.IsIndeterminate) = (Line(now), now.Share ?? 0, now.Share is null);
                }
                while (await Task.WhenAny(_end.Task, Task.Delay(200)).ConfigureAwait(false) != _end.Task);
            }));
    }

    public void Dispose()
    {
        _end.TrySetResult();
        _live?.Wait();
    }
}
