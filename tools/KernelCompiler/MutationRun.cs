using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace KernelCompiler;

/// <summary>Runs a kernel's own tests (tests/MiniLM.Cuda.Tests: those of the Checked classes that bear its name) on each of its mutants,
/// in a process of its own: are mistakes noticed?</summary>
internal static partial class MutationRun
{
    private const double LeastCaught = 0.95;
    // a test takes a second or two alone; a mutant that never ends is a fault of its own (BranchBudget)
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(3);

    /// <summary>One of each family and, for tensor cores, of both storages; then those of training.</summary>
    internal static readonly string[] Families =
    [
        "GemmMmaF16", "GemmMmaGeluBF16", "GemmLayerNorm384F16", "AttentionMma32F16", "AttentionMma64BF16",
        "GemmSimtF32", "AttentionSimt32F32", "EmbeddingLayerNormF16", "LayerNormF32", "PoolingF32", "NormalizeF32", "ConvertF32ToF16", "TopKF32",
        "EmbeddingTrainingF16", "LayerNormTrainingF32", "GemmSimtDropoutF32", "GemmSimtGeluTrainingF16", "AttentionSimtTraining32F32", "DropoutF32",
        "GemmSimtGeluTanhBackwardF32", "AttentionSimtQueryGradient32F32", "AttentionSimtKeyValueGradient64F16", "LayerNormBackwardF32",
        "WeightGradientSimtF32", "SumPartsF32", "PoolingBackwardF32", "NormalizeBackwardF32", "ActivationBackwardGeluF32", "EmbeddingSumsF16",
        "EmbeddingGradientF32", "GradientSquaresF32", "GradientNormF32", "AdamWF16", "WeightCopiesBF16", "RelativeBiasF32",
        "GemmMmaDropoutF16", "GemmMmaGeluTrainingBF16", "GemmMmaGeluBackwardF16", "GemmLayerNormTraining128F16", "AttentionMmaTraining32F16",
        "AttentionMmaQueryGradient32BF16", "AttentionMmaKeyValueGradient32F16", "WeightGradientMmaF16",
    ];

    /// <param name="committed">The texts.</param>
    /// <param name="root">Folder of the repository.</param>
    /// <param name="kernels">Their names; none: one of each family.</param>
    /// <param name="seed">Draws places; 0: those that <see cref="ExplainedMutants"/> knows.</param>
    /// <returns>The exit code: 1 when too few of all families are caught, or one survives without a reason.</returns>
    /// <exception cref="CompilationException">A name that is none, tests that can't be built, or tests that fail without a mistake.</exception>
    internal static int Run(CommittedTexts committed, string root, string[] kernels, int seed)
    {
        if (kernels.Length == 0) { kernels = Families; }
        string Path(string kernel) => System.IO.Path.Combine(committed.Folder, kernel + ".ptx");
        foreach (string kernel in kernels)
        {
            if (!File.Exists(Path(kernel))) { throw new CompilationException($"{kernel}: kernels/ptx has no kernel of that name"); }
        }
        string tests = Build(root), folder = Directory.CreateTempSubdirectory("mutants-").FullName;
        try
        {
            foreach (string kernel in kernels)
            {
                (bool isCaught, string why) = Test(tests, kernel, Path(kernel));
                if (isCaught || why.Length > 0) { throw new CompilationException($"{kernel}: its tests fail without a mistake: {why}"); }
            }
            Mutant[] mutants = [.. kernels.SelectMany(kernel => Mutants.Of(kernel, File.ReadAllText(Path(kernel)), seed))];
            ConcurrentDictionary<Mutant, string> caught = [];
            // Small tests: a core a process is more than all cores for one.
            Parallel.For(0, mutants.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
            {
                string path = Directory.CreateDirectory(System.IO.Path.Combine(folder, i.ToString(CultureInfo.InvariantCulture))).FullName;
                File.WriteAllText(path = System.IO.Path.Combine(path, mutants[i].Kernel + ".ptx"), mutants[i].Text);
                (bool isCaught, string why) = Test(tests, mutants[i].Kernel, path);
                if (isCaught) { caught[mutants[i]] = why; }
                Console.WriteLine($"{(isCaught ? "caught" : "SURVIVED")} {mutants[i]} | {why}");
            });
            return Report(mutants, caught.ContainsKey, kernels, seed);
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    /// <summary>Survivors with their reasons, a table by kind and the sum.</summary>
    /// <returns>The exit code.</returns>
    internal static int Report(Mutant[] mutants, Predicate<Mutant> isCaught, string[] kernels, int seed = 0)
    {
        var reasons = ExplainedMutants.All.Where(entry => kernels.Contains(entry.Kernel)).ToList();
        Dictionary<Mutant, string?> survivors = [];
        foreach (Mutant mutant in mutants.Where(mutant => !isCaught(mutant)))
        {
            int at = reasons.FindIndex(entry => (entry.Kernel, entry.Mutation, entry.Before, entry.After)
                == (mutant.Kernel, mutant.Mutation, mutant.Before, mutant.After));
            survivors[mutant] = at < 0 ? null : reasons[at].Reason;
            if (at >= 0) { reasons.RemoveAt(at); }
        }
        if (seed != 0) { reasons.Clear(); } // other mutants than those they are for
        Console.WriteLine();
        foreach ((Mutant mutant, string? reason) in survivors)
        {
            Console.WriteLine($"{mutant}\n    {reason ?? "SURVIVED without a reason: mend the test, or say in ExplainedMutants.cs why none can catch it"}");
        }
        foreach (var entry in reasons)
        {
            Console.WriteLine($"{entry.Kernel} {entry.Mutation}: {entry.Before} -> {entry.After}\n"
                + "    STALE: ExplainedMutants.cs explains it, and no such mutant survived");
        }
        Console.WriteLine($"\n{"kind",-10} {"injected",8} {"caught",8} {"explained",9}");
        foreach (IGrouping<Mutation, Mutant> kind in mutants.GroupBy(mutant => mutant.Mutation))
        {
            int explainedOfKind = kind.Count(mutant => survivors.GetValueOrDefault(mutant) is not null);
            Console.WriteLine($"{kind.Key,-10} {kind.Count(),8} {kind.Count(mutant => isCaught(mutant)),8} {explainedOfKind,9}");
        }
        int caught = mutants.Length - survivors.Count, explained = survivors.Values.Count(reason => reason is not null),
            unexplained = survivors.Count - explained;
        Console.WriteLine($"{mutants.Length} mutants: {caught} caught, {explained} explained"
            + $"{(unexplained > 0 ? $", {unexplained} SURVIVED" : "")}{(reasons.Count > 0 ? $"; {reasons.Count} STALE" : "")}");
        // One kernel has too few mutants for a share: there every survivor has a reason.
        // Nobody has explained what a seed draws: there the share alone counts.
        bool isEnough = (kernels.Length < Families.Length && seed == 0) || caught >= LeastCaught * mutants.Length;
        return (unexplained == 0 || seed != 0) && reasons.Count == 0 && isEnough ? 0 : 1;
    }

    private static string Build(string root)
    {
        string project = System.IO.Path.Combine(root, "tests", "MiniLM.Cuda.Tests");
        (int? code, string output) = Start(TimeSpan.FromMinutes(10), null, "build", project, "-c", "Release", "-v", "quiet", "--nologo");
        if (code != 0) { throw new CompilationException($"{project} can't be built{(code is null ? " within ten minutes" : "")}:\n{output}"); }
        // The framework's name is that of this program's own folder.
        string framework = System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        return System.IO.Path.Combine(project, "bin", "Release", framework, "MiniLM.Cuda.Tests.dll");
    }

    /// <returns>Whether a test of the kernel failed, and why, in short. A process that ends without a verdict, or not at all,
    /// has caught nothing: the machine may be to blame.</returns>
    private static (bool IsCaught, string Why) Test(string tests, string kernel, string text)
    {
        (int? code, string output) = Start(Longest, text, "exec", tests, "-class", "MiniLM.Cuda.Tests.Checked*", "-preEnumerateTheories",
            "-displayName", $"*(kernel: \"{kernel}\")", "-stopOnFail", "-noColor", "-noLogo");
        if (code is null) { return (false, $"no end within {Longest.TotalSeconds} s"); }
        if (code == 0 && Ran().IsMatch(output)) { return (false, ""); }
        Match failure = Failure().Match(output);
        if (!failure.Success) { return (false, $"exit code {code}: {output}"); }
        string reason = failure.Groups[1].Value.Replace("MiniLM.Cuda.Emulator.KernelFaultException : ", "", StringComparison.Ordinal);
        return (true, reason.Length > 150 ? reason[..150] + "..." : reason);
    }

    /// <returns>The exit code, or null when it had to be ended.</returns>
    private static (int? Code, string Output) Start(TimeSpan longest, string? mutant, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (mutant is not null) { (start.Environment["MINILM_MUTANT"], start.Environment["DOTNET_PROCESSOR_COUNT"]) = (mutant, "1"); }
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        bool ended = process.WaitForExit(longest);
        if (!ended) { process.Kill(entireProcessTree: true); }
        return (ended ? process.ExitCode : null, output.Result + error.Result);
    }

    [GeneratedRegex(@"Total: [1-9]")]
    private static partial Regex Ran();

    [GeneratedRegex(@"\[FAIL\]\s+(.*)")]
    private static partial Regex Failure();
}
