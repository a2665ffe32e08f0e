using System.Diagnostics;

namespace Build;

/// <summary>Runs the program over damaged files of every kind that it reads: it says in one line what is wrong, and leaves nothing half-done.</summary>
/// <remarks>Run N is the same with the same seed, but for files that hold timings. What a fault was met with is kept.</remarks>
internal static class Damage
{
    private const int ProcessorSeconds = 40, Seconds = 120, Megabytes = 2000;

    private static readonly string Kept = Path.Combine(Tool.Root, "out", "damage");

    /// <param name="minutes">How long.</param>
    /// <param name="seed">Of what is damaged, and how.</param>
    internal static void Run(double minutes, int seed)
    {
        string program = Executable.Require(), folder = Directory.CreateTempSubdirectory("minilm-damage-").FullName;
        try
        {
            string first = Path.Combine(folder, "0");
            string[] folders = [first, .. Enumerable.Range(1, Environment.ProcessorCount - 1).Select(other => Path.Combine(folder, $"{other}"))];
            foreach (string at in folders) { DamageFiles.Make(program, at); } // no copies: an index names its model by the whole path
            DamageCase[] cases = [.. DamageCase.All.Where(one => one.Files.Any(file => Expand(first, file).Any()))];
            foreach (DamageCase one in cases)
            {
                (int code, string error) = Start(program, first, one);
                if (code != 0) { throw new BuildException($"{Line(one)}: ends with {code} before anything is damaged: {error}"); }
                CheckReads(program, first, one);
            }
            long minute = 60 * Stopwatch.Frequency, until = Stopwatch.GetTimestamp() + (long)(minutes * minute), lastSaid = Stopwatch.GetTimestamp();
            int runs = 0, faults = 0, refused = 0;
            Parallel.ForEach(folders, new ParallelOptions { MaxDegreeOfParallelism = folders.Length }, at =>
            {
                while (Stopwatch.GetTimestamp() < until)
                {
                    int number = Interlocked.Increment(ref runs);
                    Random random = new(unchecked(seed * 1_000_003 + number));
                    DamageCase one = cases[random.Next(cases.Length)];
                    string[] files = [.. one.Files.SelectMany(file => Expand(at, file)).Order(StringComparer.Ordinal)];
                    string file = files[random.Next(files.Length)];
                    byte[] whole = File.ReadAllBytes(file), damaged = DamagedFile.Of(whole, random);
                    File.WriteAllBytes(file, damaged);
                    (int code, string error) = Start(program, at, one);
                    if (code != 0) { Interlocked.Increment(ref refused); }
                    if (Fault(at, one, code, error) is { } fault)
                    {
                        Interlocked.Increment(ref faults);
                        Keep($"{seed}-{number}", one, Path.GetRelativePath(at, file), damaged, fault, error);
                    }
                    File.WriteAllBytes(file, whole);
                    if (at == first && Stopwatch.GetTimestamp() - lastSaid > 10 * minute)
                    {
                        lastSaid += 10 * minute;
                        Console.WriteLine($"{number} runs, {faults} faults");
                    }
                }
            });
            Console.WriteLine($"{runs} runs over {cases.Length} commands, seed {seed}: {refused} refused, {faults} faults");
            if (faults > 0) { throw new BuildException($"{faults} faults: their files are in {Kept}"); }
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    // A command that does not read its files would pass every run.
    private static void CheckReads(string program, string folder, DamageCase one)
    {
        (string File, byte[] Whole)[] files = [.. one.Files.SelectMany(file => Expand(folder, file)).Select(file => (file, File.ReadAllBytes(file)))];
        foreach ((string file, _) in files) { File.WriteAllBytes(file, [0xff, 0xff]); }
        (int code, _) = Start(program, folder, one);
        foreach ((string file, byte[] whole) in files) { File.WriteAllBytes(file, whole); }
        if (code == 0) { throw new BuildException($"{Line(one)}: does not read {string.Join(", ", one.Files)}"); }
    }

    private static IEnumerable<string> Expand(string folder, string file) => file.EndsWith("/*", StringComparison.Ordinal)
        ? Directory.EnumerateFiles(Path.Combine(folder, file[..^2])) : new[] { Path.Combine(folder, file) }.Where(File.Exists);

    // Unfinished ones too, wherever they are: an error removes what it had begun.
    private static IEnumerable<string> Outputs(string folder) => Directory.EnumerateFileSystemEntries(folder, DamageCase.Output + "*")
        .Concat(Directory.EnumerateFileSystemEntries(folder, "*.partial*", SearchOption.AllDirectories));

    private static string Line(DamageCase one) => "minilm " + string.Join(' ', one.Command);

    // Data beyond the limit cannot be had; what hangs is killed: on a busy machine work that is as it should be takes long too.
    private static (int Code, string Error) Start(string program, string folder, DamageCase one)
    {
        foreach (string left in Outputs(folder).ToArray())
        {
            if (Directory.Exists(left)) { Directory.Delete(left, recursive: true); }
            else if (File.Exists(left)) { File.Delete(left); } // not gone with the folder it was in
        }
        foreach ((string file, string left) in one.Unfinished) { File.Copy(Path.Combine(folder, file), Path.Combine(folder, left)); }
        (int code, _, string error) = Tool.Capture(TimeSpan.FromSeconds(Seconds), "/bin/sh", folder,
            ["-c", $"ulimit -d {Megabytes * 1000}; ulimit -t {ProcessorSeconds}; exec \"$@\"", "sh", program, .. one.Command]);
        return (code, error);
    }

    private static string? Fault(string folder, DamageCase one, int code, string error)
    {
        if (code is not (0 or 1 or 2 or 3)) { return $"ended with {code}"; }
        if (error.Contains("internal error", StringComparison.Ordinal)) { return "an internal error"; }
        if (error.Contains("(Parameter '", StringComparison.Ordinal)) { return "a message of the runtime"; }
        if (code == 0 && one.Whole is var (whole, output)
            && !File.ReadAllBytes(Path.Combine(folder, whole)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(folder, output))))
        {
            return "not what a run ends in that was never killed";
        }
        return code is 1 or 2 && one.Unfinished.Length == 0 && Outputs(folder).Any() ? "an output was left behind" : null;
    }

    private static void Keep(string name, DamageCase one, string file, byte[] damaged, string fault, string error)
    {
        string folder = Path.Combine(Kept, name);
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, Path.GetFileName(file)), damaged);
        File.WriteAllText(Path.Combine(folder, "run.txt"), $"{fault}\n{Line(one)}\n{file}\n{error}\n");
        Console.WriteLine($"{name}: {fault}: {Line(one)}, {file}: {error.ReplaceLineEndings(" ")}");
    }
}
