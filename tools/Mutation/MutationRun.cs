using System.Collections.Concurrent;
using System.Diagnostics;

namespace Mutation;

/// <summary>Draws mutants of an area's sources and runs its tests on each, in a process of its own: are mistakes noticed?</summary>
internal static class MutationRun
{
    private const double LeastCaught = 0.95;
    private const int LeastOfAFile = 5;

    /// <param name="root">Folder of the repository.</param>
    /// <param name="area">Which.</param>
    /// <param name="seed">Of the draw.</param>
    /// <param name="count">At least that many mutants of all files, and five a file.</param>
    /// <param name="only">One file, or null for all.</param>
    /// <returns>The exit code: 1 when too few are caught, or one survives without a reason.</returns>
    /// <exception cref="MutationException">A file that is none of the area, what cannot be built, or tests that fail without a mistake.</exception>
    internal static int Run(string root, Area area, int seed, int count, string? only)
    {
        var clock = Stopwatch.StartNew();
        int ofAFile = Math.Max(LeastOfAFile, (count + area.Files.Length - 1) / area.Files.Length);
        (string File, string[] Classes)[] files = [.. area.Files.Where(entry => only is null || entry.File == only)];
        if (files.Length == 0) { throw new MutationException($"{only}: area {area.Name} has {string.Join(", ", area.Files.Select(entry => entry.File))}"); }

        // Below the repository: tests find fixtures by walking up from their own folder.
        string tests = Path.Combine(root, area.Tests), folder = Path.Combine(tests, "bin", $"mutants-{Environment.ProcessId}");
        Child.Output(root, "build", tests, "-c", "Release", "-v", "quiet", "--nologo");
        try
        {
            SourceProject project = new(Path.Combine(root, area.Project));
            // The framework's name is that of this program's own folder.
            string built = Path.Combine(tests, "bin", "Release", Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)));
            string[] all = Filter([.. area.Files.SelectMany(entry => entry.Classes).Distinct()]);
            // Two: some tests start as many threads as there are processors.
            ConcurrentBag<TestCopy> copies = [.. Enumerable.Range(0, 2).Select(i => new TestCopy(built, Path.Combine(folder, $"{i}"), project.Assembly))];
            copies.TryPeek(out TestCopy? first);
            first!.Replace(project.Compile());
            // The classes of one file are a part of all.
            TimeSpan time = first.Time(all), shorter = time + TimeSpan.FromSeconds(20), longest = 5 * shorter;

            ConcurrentDictionary<Mutant, Verdict> verdicts = [];
            // By files: whether a mutant compiles, and so which is the next of a file, is known only then.
            ParallelOptions asMany = new() { MaxDegreeOfParallelism = copies.Count };
            Parallel.ForEach(Partitioner.Create(files, EnumerablePartitionerOptions.NoBuffering), asMany, entry =>
            {
                copies.TryTake(out TestCopy? copy);
                foreach ((Mutant mutant, byte[]? assembly) in Draw.InTurn(Mutants.Of(entry.File, project.Text(entry.File)), seed)
                    .Select(mutant => (mutant, project.Compile(mutant))).Where(drawn => drawn.Item2 is not null).Take(ofAFile))
                {
                    copy!.Replace(assembly!);
                    (Verdict verdict, string why) = copy.Test(Filter(entry.Classes), shorter);
                    if (verdict == Verdict.Survived) { (verdict, why) = copy.Test(all, longest); }
                    verdicts[mutant] = verdict;
                    string said = verdict switch
                    {
                        Verdict.Survived => "SURVIVED",
                        Verdict.TimeLimit => "caught by time limit",
                        Verdict.Crashed => "caught by crash",
                        _ => "caught",
                    };
                    Console.WriteLine($"{said} {mutant} | {why}");
                }
                copies.Add(copy!);
            });
            Mutant[] every = [.. files.SelectMany(entry => Mutants.Of(entry.File, project.Text(entry.File)))];
            int code = Report(verdicts, every, ExplainedMutants.All, isWhole: only is null);
            Console.WriteLine($"area {area.Name}, seed {seed}, {ofAFile} of each of {files.Length} files, {clock.Elapsed.TotalMinutes:F0} minutes");
            return code;
        }
        finally { if (Directory.Exists(folder)) { Directory.Delete(folder, recursive: true); } }
    }

    /// <summary>Survivors with their reasons, a table by kind and the sum.</summary>
    /// <param name="verdicts">Of the mutants drawn.</param>
    /// <param name="all">Every mutant there is: an explained one that is not among them has a changed source.</param>
    /// <param name="explained">The reasons, those of other files among them.</param>
    /// <param name="isWhole">One file has too few mutants for a share: there every survivor has a reason.</param>
    /// <returns>The exit code.</returns>
    internal static int Report(IReadOnlyDictionary<Mutant, Verdict> verdicts, Mutant[] all, IEnumerable<ExplainedMutant> explained, bool isWhole)
    {
        HashSet<string> files = [.. all.Select(mutant => mutant.File)];
        List<ExplainedMutant> reasons = [.. explained.Where(entry => files.Contains(entry.File))];
        Dictionary<Mutant, string?> survivors = [];
        foreach (Mutant mutant in verdicts.Where(drawn => drawn.Value == Verdict.Survived).Select(drawn => drawn.Key)
            .OrderBy(mutant => mutant.File, StringComparer.Ordinal).ThenBy(mutant => mutant.Line))
        {
            survivors[mutant] = reasons.FirstOrDefault(entry => entry.Explains(mutant))?.Reason;
        }
        List<ExplainedMutant> stale = [.. reasons.Where(entry => !all.Any(entry.Explains)
            || verdicts.Any(drawn => entry.Explains(drawn.Key) && drawn.Value != Verdict.Survived))];

        Console.WriteLine();
        foreach ((Mutant mutant, string? reason) in survivors)
        {
            Console.WriteLine($"{mutant}\n    {reason ?? "SURVIVED without a reason: mend the test, or say in ExplainedMutants.cs why none can catch it"}");
        }
        foreach (ExplainedMutant entry in stale)
        {
            Console.WriteLine($"{entry.File} {entry.Mistake}: {entry.Before} -> {entry.After}");
            Console.WriteLine("    STALE: ExplainedMutants.cs explains it, and it was caught, or the source has no such place any more");
        }
        Console.WriteLine($"\n{"kind",-12} {"drawn",6} {"caught",6} {"explained",9}");
        foreach (IGrouping<Mistake, Mutant> kind in verdicts.Keys.GroupBy(mutant => mutant.Mistake).OrderBy(kind => kind.Key))
        {
            int died = kind.Count(mutant => !survivors.ContainsKey(mutant)), reasoned = kind.Count(mutant => survivors.GetValueOrDefault(mutant) is not null);
            Console.WriteLine($"{kind.Key,-12} {kind.Count(),6} {died,6} {reasoned,9}");
        }
        int caught = verdicts.Count - survivors.Count, unexplained = survivors.Values.Count(reason => reason is null);
        int Count(Verdict how) => verdicts.Values.Count(verdict => verdict == how);
        Console.WriteLine($"{Count(Verdict.Crashed)} of them caught by a crash, {Count(Verdict.TimeLimit)} by the time limit");
        string wrong = (unexplained > 0 ? $", {unexplained} SURVIVED" : "") + (stale.Count > 0 ? $"; {stale.Count} STALE" : "");
        Console.WriteLine($"{verdicts.Count} mutants: {caught} caught, {survivors.Count - unexplained} explained{wrong}");
        bool isEnough = !isWhole || caught >= LeastCaught * verdicts.Count;
        return unexplained == 0 && stale.Count == 0 && isEnough ? 0 : 1;
    }

    private static string[] Filter(string[] classes) => [.. classes.SelectMany(name => new[] { "-class", "*." + name })];
}
