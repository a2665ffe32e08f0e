using System.Diagnostics;

namespace Mutation;

/// <summary>A process of dotnet's.</summary>
internal static class Child
{
    /// <summary>What it prints.</summary>
    /// <exception cref="MutationException">It fails, or computes for ten minutes.</exception>
    internal static string Output(string folder, params string[] arguments)
    {
        (int? code, string output, _) = Run(folder, TimeSpan.FromMinutes(10), arguments);
        return code == 0 ? output : throw new MutationException($"dotnet {string.Join(' ', arguments)} in {folder}: exit code {code}:\n{output}");
    }

    /// <param name="folder">Where it runs.</param>
    /// <param name="longest">Of processor time: other work on the machine may leave little of it. Ten times as long in all, for what waits for ever.</param>
    /// <param name="arguments">Of dotnet.</param>
    /// <returns>The exit code, or null when it had to be ended; what it had printed; its processor time.</returns>
    internal static (int? Code, string Output, TimeSpan Time) Run(string folder, TimeSpan longest, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        var clock = Stopwatch.StartNew();
        TimeSpan time = TimeSpan.Zero;
        bool ended;
        while (!(ended = process.WaitForExit(100)) && time <= longest && clock.Elapsed <= 10 * longest)
        {
            try { time = process.TotalProcessorTime; }
            catch (Exception gone) when (gone is InvalidOperationException or System.ComponentModel.Win32Exception) { } // it has just ended
        }
        if (!ended) { process.Kill(entireProcessTree: true); }
        return (ended ? process.ExitCode : null, output.Result + error.Result, time);
    }
}
