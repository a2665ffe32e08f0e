using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Mutation;

/// <summary>How a mutant ended.</summary>
internal enum Verdict { Survived, Caught, Crashed, TimeLimit }

/// <summary>A copy of a tests' output in a folder of its own, whose assembly under test is replaced. One mutant at a time.</summary>
internal sealed partial class TestCopy
{
    // Without a mistake, by filter: what a mutant's time is measured by.
    private readonly ConcurrentDictionary<string, TimeSpan> _times;
    private readonly string _folder, _tests, _assembly;

    /// <param name="built">The tests' output.</param>
    /// <param name="folder">Where the copy goes.</param>
    /// <param name="assembly">File name of the assembly under test.</param>
    /// <param name="times">Shared by the copies of a run.</param>
    internal TestCopy(string built, string folder, string assembly, ConcurrentDictionary<string, TimeSpan> times)
    {
        (_folder, _assembly, _times) = (folder, Path.Combine(folder, assembly), times);
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.EnumerateFiles(built)) { File.Copy(file, Path.Combine(folder, Path.GetFileName(file))); }
        _tests = Path.Combine(folder, Path.GetFileName(Directory.GetFiles(folder, "*.runtimeconfig.json").Single()).Replace(".runtimeconfig.json", ".dll", StringComparison.Ordinal));
    }

    internal void Replace(byte[] assembly) => File.WriteAllBytes(_assembly, assembly);

    /// <summary>Runs them on an assembly without a mistake.</summary>
    /// <exception cref="MutationException">They fail, or there are none.</exception>
    internal void Calibrate(string[] filter)
    {
        var clock = Stopwatch.StartNew();
        (int? code, string output) = Run(TimeSpan.FromMinutes(30), filter);
        if (code != 0 || !Ran().IsMatch(output)) { throw new MutationException($"tests {string.Join(' ', filter)} fail without a mistake, exit code {code}:\n{output}"); }
        _times[string.Join(' ', filter)] = clock.Elapsed;
    }

    /// <returns>How it ended, and why, in short.</returns>
    internal (Verdict Verdict, string Why) Test(string[] filter)
    {
        // Other work on the machine may take most of it away for a while.
        TimeSpan longest = TimeSpan.FromSeconds(20) + 5 * _times[string.Join(' ', filter)];
        (int? code, string output) = Run(longest, filter);
        if (code is null) { return (Verdict.TimeLimit, $"no end within {longest.TotalSeconds:F0} s"); }
        if (code == 0) { return (Verdict.Survived, ""); }
        if (Failure().Match(output) is { Success: true } failure) { return (Verdict.Caught, Short(failure.Groups[1].Value)); }
        return (Verdict.Crashed, Short($"exit code {code}: {output.ReplaceLineEndings(" ")}"));
    }

    private (int? Code, string Output) Run(TimeSpan longest, string[] filter) => Child.Run(_folder, longest, ["exec", _tests, .. filter, "-stopOnFail", "-noColor", "-noLogo"]);

    private static string Short(string text) => text.Length > 120 ? text[..120] + "..." : text;

    [GeneratedRegex(@"Total: [1-9]")]
    private static partial Regex Ran();

    [GeneratedRegex(@"(\S+?)(?:\(.*\))? \[FAIL\]")]
    private static partial Regex Failure();
}
