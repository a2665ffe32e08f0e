using System.Text.RegularExpressions;

namespace Mutation;

/// <summary>How a mutant ended.</summary>
internal enum Verdict { Survived, Caught, Crashed, TimeLimit }

/// <summary>A copy of a tests' output in a folder of its own, whose assembly under test is replaced. One mutant at a time.</summary>
internal sealed partial class TestCopy
{
    private readonly string _folder, _tests, _assembly;

    /// <param name="built">The tests' output.</param>
    /// <param name="folder">Where the copy goes.</param>
    /// <param name="assembly">File name of the assembly under test.</param>
    internal TestCopy(string built, string folder, string assembly)
    {
        (_folder, _assembly) = (folder, Path.Combine(folder, assembly));
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.EnumerateFiles(built)) { File.Copy(file, Path.Combine(folder, Path.GetFileName(file))); }
        _tests = Directory.GetFiles(folder, "*.runtimeconfig.json").Single().Replace(".runtimeconfig.json", ".dll", StringComparison.Ordinal);
    }

    internal void Replace(byte[] assembly) => File.WriteAllBytes(_assembly, assembly);

    /// <summary>Their processor time on an assembly without a mistake.</summary>
    /// <exception cref="MutationException">They fail, or there are none.</exception>
    internal TimeSpan Time(string[] filter)
    {
        (int? code, string output, TimeSpan time) = Run(TimeSpan.FromMinutes(30), filter);
        if (code == 0 && Ran().IsMatch(output)) { return time; }
        throw new MutationException($"tests {string.Join(' ', filter)} fail without a mistake, exit code {code}:\n{output}");
    }

    /// <returns>How it ended, and why, in short.</returns>
    internal (Verdict Verdict, string Why) Test(string[] filter, TimeSpan longest)
    {
        (int? code, string output, _) = Run(longest, filter);
        if (code is null) { return (Verdict.TimeLimit, $"no end within {longest.TotalSeconds:F0} s of processor time"); }
        if (code == 0) { return (Verdict.Survived, ""); }
        if (Failure().Match(output) is { Success: true } failure) { return (Verdict.Caught, Short(failure.Groups[1].Value)); }
        return (Verdict.Crashed, Short($"exit code {code}: {output.ReplaceLineEndings(" ")}"));
    }

    private (int? Code, string Output, TimeSpan Time) Run(TimeSpan longest, string[] filter) =>
        Child.Run(_folder, longest, ["exec", _tests, .. filter, "-stopOnFail", "-noColor", "-noLogo"]);

    private static string Short(string text) => text.Length > 120 ? text[..120] + "..." : text;

    [GeneratedRegex(@"Total: [1-9]")]
    private static partial Regex Ran();

    [GeneratedRegex(@"(\S+?)(?:\(.*\))? \[FAIL\]")]
    private static partial Regex Failure();
}
