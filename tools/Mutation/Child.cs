using System.Diagnostics;

namespace Mutation;

/// <summary>A process of dotnet's.</summary>
internal static class Child
{
    /// <summary>What it prints.</summary>
    /// <exception cref="MutationException">It fails, or takes ten minutes.</exception>
    internal static string Output(string folder, params string[] arguments)
    {
        (int? code, string output) = Run(folder, TimeSpan.FromMinutes(10), arguments);
        return code == 0 ? output : throw new MutationException($"dotnet {string.Join(' ', arguments)} in {folder}: exit code {code}:\n{output}");
    }

    /// <returns>The exit code, or null when it had to be ended; then what it had printed.</returns>
    internal static (int? Code, string Output) Run(string folder, TimeSpan longest, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        bool ended = process.WaitForExit(longest);
        if (!ended) { process.Kill(entireProcessTree: true); }
        return (ended ? process.ExitCode : null, output.Result + error.Result);
    }
}
