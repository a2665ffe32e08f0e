using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Build;

/// <summary>A step that failed; the message is one line.</summary>
internal sealed class BuildException(string message) : Exception(message);

/// <summary>Runs programs from the root of the repository.</summary>
internal static partial class Tool
{
    /// <summary>The nearest folder upwards that holds Engine.sln.</summary>
    internal static string Root { get; } = FindRoot();

    /// <summary>Runs a program whose output is shown.</summary>
    /// <exception cref="BuildException">It ends with another code than 0.</exception>
    internal static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = Root })!;
        process.WaitForExit();
        if (process.ExitCode != 0) { throw new BuildException($"'{program} {string.Join(' ', arguments)}' ended with {process.ExitCode}"); }
    }

    /// <summary>Runs a program and takes what it prints.</summary>
    internal static (int Code, string Output, string Error) Capture(string program, string folder, params string[] arguments) =>
        Capture(Timeout.InfiniteTimeSpan, program, folder, arguments);

    /// <summary>The same; what goes on longer is killed.</summary>
    internal static (int Code, string Output, string Error) Capture(TimeSpan most, string program, string folder, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync(), output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(most)) { process.Kill(entireProcessTree: true); }
        process.WaitForExit();
        return (process.ExitCode, output.Result, error.Result);
    }

    /// <summary>Sends a signal, on systems that have them.</summary>
    internal static void Signal(Process process, int signal) => _ = kill(process.Id, signal);

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);

    /// <summary>Copies the files of a folder and of those below it.</summary>
    internal static void CopyFolder(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    /// <summary>Whether a program of this name is in PATH.</summary>
    internal static bool Exists(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));

    private static string FindRoot()
    {
        for (string? folder = Directory.GetCurrentDirectory(); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Engine.sln"))) { return folder; }
        }
        throw new InvalidOperationException("no Engine.sln here or above: run the build from inside the repository");
    }
}
